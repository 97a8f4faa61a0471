// The lock-free structures under real threads whose every access is disturbed: the explorer's
// programs are small and exhaustive, these are long and random, and the sanitizers watch them.
#include <filch/detail/latch.hpp>
#include <filch/detail/race_cell.hpp>
#include <filch/detail/split_deque.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "queue/chase_lev.hpp"
#include "sched/crew.hpp"
#include "support/chaos.hpp"
#include "support/seeded.hpp"
#include "support/watchdog.hpp"
#include "sync/event_count.hpp"

namespace {

using filch::detail::basic_countdown;
using filch::detail::basic_latch;
using filch::detail::chase_lev;
using filch::detail::split_deque;
using filch::detail::steal_result;

struct atomics : filch::detail::std_atomics {
  template <class T>
  using atomic = filch_test::chaos::atomic<T>;
};

class stress_chaos : public testing::Test {
 protected:
  /// FILCH_STRESS_ROUNDS times as often as usual.
  static int rounds(int n) {
    const char* more = std::getenv("FILCH_STRESS_ROUNDS");
    return std::max(1, n * (more ? std::atoi(more) : 1) / filch_test::slowdown());
  }
  static void in_threads(const std::vector<std::function<void()>>& bodies) {
    std::vector<std::thread> threads;
    for (const auto& body : bodies) threads.emplace_back(body);
    for (auto& thread : threads) thread.join();
  }
  filch_test::watchdog guard_{{}, std::chrono::seconds(3600)};
};

/// Plain on purpose: two takers, or one that does not see what the maker wrote, are data races.
struct item {
  int made = 0;
  int taken = 0;
};

TEST_F(stress_chaos, a_deque_of_jobs_gives_each_to_one) {
  for (int round = 0; round < rounds(200); ++round) {
    chase_lev<item, atomics> deque(2);
    std::vector<item> items(400);
    std::atomic<bool> over{false};
    const auto thief = [&] {
      item* got = nullptr;
      while (!over) {
        if (deque.steal(got) == steal_result::taken) got->taken += got->made;
      }
    };
    const auto owner = [&] {
      auto random = filch_test::seeded(static_cast<std::uint64_t>(round));
      for (auto& it : items) {
        it.made = 1;
        deque.push(&it);
        if (random() % 3 != 0) continue;
        if (item* mine = deque.pop()) mine->taken += mine->made;
      }
      while (item* mine = deque.pop()) mine->taken += mine->made;
      over = true;
    };
    in_threads({owner, thief, thief});
    for (const auto& it : items) ASSERT_EQ(it.taken, 1) << "round " << round;
  }
}

/// The owner of a deque of forks: a tree whose halves live in its frames, and thieves who steal and
/// take by force.
class forks {
 public:
  int tree(int depth) {
    if (depth == 0) return 1;
    half right{depth - 1, 0};
    if (deque_.full()) return tree(depth - 1) + tree(depth - 1);
    deque_.push(&right);
    if (deque_.asked()) deque_.answer(!filch::detail::has_heavy_fence());
    const int left = tree(depth - 1);
    if (deque_.pop() || deque_.reclaim()) return left + tree(depth - 1);
    deque_.done(deque_.newest()).wait();
    deque_.forget();
    return left + right.result;
  }
  void rob_until(const std::atomic<bool>& over) {
    thief me;
    while (!over) {
      half* got = nullptr;
      deque_type::index at = 0;
      if (!deque_.steal(got, at, &me)) {
        if (!deque_.asked()) {
          deque_.ask();
          continue;
        }
        if (!filch::detail::has_heavy_fence() || !deque_.force(got, at, &me)) continue;
      }
      got->result = 1 << got->depth;
      robbed.fetch_add(1);
      deque_.done(at).set();
    }
  }
  std::atomic<int> robbed{0};

 private:
  struct half {
    int depth;
    int result;
  };
  struct thief {};
  using deque_type = split_deque<half, thief, atomics, 16>;
  deque_type deque_;
};

TEST_F(stress_chaos, forks_join_with_their_stolen_halves) {
  int robbed = 0;
  for (int round = 0; round < rounds(1000); ++round) {
    const auto tested = std::make_unique<forks>();
    std::atomic<bool> over{false};
    int leaves = 0;
    const auto thief = [&] { tested->rob_until(over); };
    const auto owner = [&] {
      leaves = tested->tree(11);
      over = true;
    };
    in_threads({owner, thief, thief});
    ASSERT_EQ(leaves, 1 << 11) << "round " << round;
    robbed += tested->robbed;
  }
  EXPECT_GT(robbed, 0) << "nothing was stolen: this proves nothing";
}

// The last arrival ends the frame in which the countdown lives.
TEST_F(stress_chaos, latches_outlive_nobody) {
  for (int round = 0; round < rounds(1000); ++round) {
    constexpr int arrivals = 3;
    std::array<int, arrivals> results{};
    auto frame = std::make_unique<basic_countdown<atomics>>(arrivals);
    std::vector<std::function<void()>> bodies;
    for (int i = 0; i < arrivals; ++i) {
      bodies.push_back([i, &results, at = frame.get()] {
        results[static_cast<std::size_t>(i)] = i + 1;
        at->arrive();
      });
    }
    bodies.push_back([&] {
      frame->done().wait();
      frame.reset();
      EXPECT_EQ(results[0] + results[1] + results[2], 6);
    });
    in_threads(bodies);
  }
}

TEST_F(stress_chaos, races_have_one_decision) {
  for (int round = 0; round < rounds(1000); ++round) {
    constexpr std::uint32_t contenders = 4, wanted = 2;
    filch::detail::basic_race_cell<atomics> cell(contenders, wanted);
    std::array<int, wanted> places{};
    std::atomic<int> decisions{0}, losers{0};
    const auto contender = [&] {
      if (const auto place = cell.claim()) {
        places[*place] += 1;
        if (cell.publish()) decisions.fetch_add(1);
      } else {
        losers.fetch_add(1);
      }
    };
    in_threads({contender, contender, contender, contender});
    ASSERT_EQ(decisions, 1);
    ASSERT_EQ(losers, 2);
    ASSERT_EQ(places[0] * places[1], 1);
  }
}

/// A pool of nothing but a crew and a queue of numbers.
class small_pool {
 public:
  explicit small_pool(unsigned workers) : crew_(*this, workers) {}

  bool sees_queued() const { return queued_.load(std::memory_order_relaxed) != 0; }
  bool sees_forks() const { return false; }
  void ask_for_forks() {}
  bool ask_for_good() { return false; }
  bool wants_stand_in() const { return false; }
  void call_others(std::size_t /*n*/) {}
  void watch() const {}

  void put(int n) {
    queued_.fetch_add(n, std::memory_order_release);
    crew_.wake(static_cast<std::size_t>(n));
  }
  void stop() {
    over_ = true;
    crew_.wake_all();
  }
  void work() {
    bool searching = false;
    crew_.one_more();
    while (!over_) {
      crew_.begin_search(searching);
      if (take()) {
        crew_.end_search(searching);
        ran.fetch_add(1);
        continue;
      }
      crew_.announce_sleep(searching);
      if (over_ || crew_.is_needed()) {
        crew_.withdraw(searching);
      } else {
        crew_.sleep(searching);
      }
    }
    crew_.leave(searching);
  }
  std::atomic<int> ran{0};

 private:
  bool take() {
    int seen = queued_.load(std::memory_order_relaxed);
    while (seen > 0) {
      if (queued_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  atomics::atomic<int> queued_{0};
  std::atomic<bool> over_{false};
  filch::detail::crew<small_pool, atomics> crew_;
};

// A lost wake-up leaves the producer waiting for ever; the watchdog tells.
TEST_F(stress_chaos, sleepers_get_up_for_every_job) {
  small_pool pool(3);
  const auto worker = [&] { pool.work(); };
  const auto producer = [&] {
    auto random = filch_test::seeded();
    int put = 0;
    for (int i = 0; i < rounds(50000); ++i) {
      const int n = static_cast<int>(random() % 3) + 1;
      pool.put(n);
      put += n;
      if (i % 2 == 0) continue;
      while (pool.ran < put) std::this_thread::yield();
    }
    while (pool.ran < put) std::this_thread::yield();
    pool.stop();
  };
  in_threads({producer, worker, worker, worker});
}

}  // namespace
