#include "base/machine.hpp"

#include <filch/engine.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../support/fake_root.hpp"
#include "pool/pool_core.hpp"
#include "sched/victim_order.hpp"

namespace {

using filch::detail::allowed_cpus;
using filch::detail::cpu_binding;
using filch::detail::cpu_home;
using filch::detail::distance;
using filch::detail::machine;
using filch::detail::nearest_first;
using filch::detail::parse_cpu_list;
using filch_test::fake_root;

using numbers = std::vector<unsigned>;

TEST(cpu_list, is_read_as_the_kernel_writes_it) {
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11\n", 100), (numbers{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cpu_list("5", 100), numbers{5});
  EXPECT_TRUE(parse_cpu_list("", 100).empty());
  EXPECT_TRUE(parse_cpu_list("\n", 100).empty());
}

TEST(cpu_list, ends_at_what_is_no_number) {
  EXPECT_EQ(parse_cpu_list("0,1,x,3", 100), (numbers{0, 1}));
  EXPECT_EQ(parse_cpu_list("0-", 100), numbers{});
  EXPECT_EQ(parse_cpu_list("3-1", 100), numbers{});
  EXPECT_EQ(parse_cpu_list("1-2x", 100), numbers{});
  EXPECT_EQ(parse_cpu_list("99999999999999999999", 100), numbers{});
}

TEST(cpu_list, is_no_longer_than_asked_for) {
  EXPECT_EQ(parse_cpu_list("0-4294967295", 5), (numbers{0, 1, 2, 3, 4}));
}

// Two nodes with two complexes each, two cores in each, two threads a core: 0-7 are the first ones
// and 8-15 the second ones, as Linux numbers them.
void describe_two_nodes(fake_root& root) {
  for (unsigned cpu = 0; cpu < 16; ++cpu) {
    const unsigned core = cpu % 8;
    const unsigned low = core / 2 * 2;
    const auto pair = [](unsigned at) { return std::to_string(at) + "-" + std::to_string(at + 1); };
    const std::string own = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
    root.file(own + "/cache/index0/level", "1\n");
    root.file(own + "/cache/index0/shared_cpu_list", std::to_string(core) + "\n");
    root.file(own + "/cache/index1/level", "3\n");
    root.file(own + "/cache/index1/shared_cpu_list", pair(low) + "," + pair(low + 8) + "\n");
    root.file(own + "/topology/thread_siblings_list",
              std::to_string(core) + "," + std::to_string(core + 8) + "\n");
  }
  root.file("/sys/devices/system/node/online", "0-1\n");
  root.file("/sys/devices/system/node/node0/cpulist", "0-3,8-11\n");
  root.file("/sys/devices/system/node/node1/cpulist", "4-7,12-15\n");
}

numbers all_of(unsigned n) {
  numbers all(n);
  for (unsigned i = 0; i < n; ++i) all[i] = i;
  return all;
}

TEST(machine, knows_who_shares_a_cache_and_a_node) {
  fake_root root;
  describe_two_nodes(root);
  const machine found(all_of(16), root.path());
  const auto apart = [&](unsigned a, unsigned b) {
    return distance(found.home_of(a), found.home_of(b));
  };
  EXPECT_EQ(found.farthest(), 2U);
  EXPECT_EQ(apart(0, 1), 0U);
  EXPECT_EQ(apart(0, 9), 0U);
  EXPECT_EQ(apart(0, 2), 1U);
  EXPECT_EQ(apart(0, 11), 1U);
  EXPECT_EQ(apart(0, 4), 2U);
  EXPECT_EQ(apart(15, 3), 2U);
}

TEST(machine, binds_complex_by_complex_and_second_threads_last) {
  fake_root root;
  describe_two_nodes(root);
  const machine found(all_of(16), root.path());
  numbers order;
  for (const auto& home : found.cpus()) order.push_back(home.cpu);
  EXPECT_EQ(order, all_of(16));
}

TEST(machine, looks_at_the_allowed_ones_only) {
  fake_root root;
  describe_two_nodes(root);
  const machine one_node({9, 2, 1}, root.path());
  EXPECT_EQ(one_node.farthest(), 1U);
  EXPECT_EQ(one_node.cpus().size(), 3U);
  const machine one_complex({8, 0}, root.path());
  EXPECT_EQ(one_complex.farthest(), 0U);
  EXPECT_EQ(one_complex.cpus().front().cpu, 0U) << "a first thread comes first";
}

TEST(machine, is_flat_where_nothing_is_told) {
  fake_root root;
  const machine found(all_of(4), root.path());
  EXPECT_EQ(found.farthest(), 0U);
  EXPECT_EQ(found.cpus().size(), 4U);
  EXPECT_EQ(machine({}, root.path()).farthest(), 0U);
  EXPECT_EQ(found.home_of(99), cpu_home{});
}

TEST(machine, does_not_trust_what_it_reads) {
  fake_root root;
  describe_two_nodes(root);
  root.file("/sys/devices/system/node/online", "0-4294967295\n");
  root.file("/sys/devices/system/node/node1/cpulist", std::string(1'000'000, '7'));
  root.file("/sys/devices/system/cpu/cpu0/cache/index1/shared_cpu_list", "0-4294967295");
  const machine found(all_of(16), root.path());
  EXPECT_EQ(found.cpus().size(), 16U);
}

TEST(machine, of_this_machine_has_all_that_this_process_may_use) {
  EXPECT_EQ(filch::detail::this_machine().cpus().size(), allowed_cpus().size());
}

TEST(cpu_binding, lasts_as_long_as_it_lives) {
  std::thread([] {
    const auto before = allowed_cpus();
    {
      const cpu_binding bound(before.back());
      EXPECT_EQ(allowed_cpus(), numbers{before.back()});
    }
    EXPECT_EQ(allowed_cpus(), before);
  }).join();
}

TEST(cpu_binding, that_the_system_refuses_changes_nothing) {
  testing::internal::CaptureStderr();
  std::thread([] {
    const auto before = allowed_cpus();
    const cpu_binding bound(60'000);
    EXPECT_EQ(allowed_cpus(), before);
  }).join();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("CPU 60000"), std::string::npos);
}

TEST(victim_order, visits_each_once_and_near_ones_first) {
  const std::vector<unsigned> away{2, 0, 1, 0, 2, 1};
  for (unsigned start = 0; start < 6; ++start) {
    numbers seen;
    const auto never = [&](unsigned i) {
      seen.push_back(i);
      return false;
    };
    EXPECT_FALSE(
        nearest_first(6, 2, [&] { return start; }, [&](unsigned i) { return away[i]; }, never));
    ASSERT_EQ(seen.size(), 6U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end(),
                               [&](unsigned a, unsigned b) { return away[a] < away[b]; }));
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, all_of(6));
  }
}

TEST(victim_order, ends_at_the_first_that_gave_something) {
  unsigned visits = 0;
  EXPECT_TRUE(nearest_first(
      4, 0, [] { return 2U; }, [](unsigned) { return 0U; },
      [&](unsigned i) { return ++visits, i == 3; }));
  EXPECT_EQ(visits, 2U);
  EXPECT_FALSE(nearest_first(
      0, 2, [] { return 0U; }, [](unsigned) { return 0U; }, [](unsigned) { return true; }));
}

// A job that makes two others, down to a depth.
class tree final : public filch::detail::job {
 public:
  tree(filch::detail::pool_core& core, std::atomic<int>& ran, int depth)
      : ran_(ran), depth_(depth) {
    place(core, filch::lane::cpu, {});
  }
  void run() noexcept override {
    auto& core = *where().pool;
    ++ran_;
    for (int i = 0; i < 2 && depth_ > 0; ++i) plant(core, ran_, depth_ - 1);
    filch::detail::leave(core);
  }
  static void plant(filch::detail::pool_core& core, std::atomic<int>& ran, int depth) {
    filch::detail::enter(core);
    filch::detail::enqueue(core, filch::detail::make_ref<tree>(core, ran, depth));
  }

 private:
  std::atomic<int>& ran_;
  const int depth_;
};

// As on a machine where each CPU is far from the next: whatever the homes say, nothing is left.
TEST(victim_order, leaves_no_job_on_a_machine_of_distances) {
  fake_root root;
  const auto cpus = allowed_cpus();
  std::string online;
  for (const unsigned cpu : cpus) {
    const auto number = std::to_string(cpu);
    online += number + ",";
    root.file("/sys/devices/system/node/node" + number + "/cpulist", number + "\n");
  }
  root.file("/sys/devices/system/node/online", online);
  const machine found(cpus, root.path());
  ASSERT_EQ(found.farthest(), cpus.size() > 1 ? 2U : 0U);
  for (const bool pinned : {false, true}) {
    filch::pool_options options;
    options.pin_workers = pinned;
    const auto core =
        std::make_shared<filch::detail::pool_core>(filch::native_engine(4), options, "", found);
    core->start();
    std::atomic<int> ran{0};
    for (int i = 0; i < 8; ++i) tree::plant(*core, ran, 10);
    core->close();
    core->join();
    EXPECT_EQ(ran, 8 * 2047);
  }
}

}  // namespace
