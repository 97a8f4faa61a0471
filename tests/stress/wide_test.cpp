// Pools with many more workers than the machine has cores: each thread is interrupted anywhere, for
// long, and the queues, the deques and the sleepers' count see more of them than elsewhere.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <stop_token>
#include <thread>
#include <vector>

#include <filch/filch.hpp>

#include "support/belonging.hpp"
#include "support/counted.hpp"
#include "support/seeded.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::belonging;

constexpr unsigned workers = 64;
using futures = std::vector<filch::future<int>>;

class stress_wide : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(filch_test::eventually([] { return belonging::alive() == 0; }))
        << belonging::alive() << " belongings of jobs are left";
  }
  /// How often, so that a test takes about a second in a release build, and some in others.
  static int rounds(int n) { return std::max(1, n / filch_test::slowdown()); }
  filch_test::watchdog guard_{{}, std::chrono::seconds(50)};
};

std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}
int sum(const std::vector<int>& all) { return std::accumulate(all.begin(), all.end(), 0); }

int fib(int n) {
  if (n < 2) return n;
  const auto [a, b] = filch::fork_join([n] { return fib(n - 1); }, [n] { return fib(n - 2); });
  return a + b;
}

/// A map in each item of a map, `depth` times: 4 to that power.
int nested(int depth) {
  if (depth == 0) return 1;
  return sum(
      filch::map([depth, owned = belonging()](int) { return nested(depth - 1); }, numbers(4)));
}

TEST_F(stress_wide, nested_maps_have_all_their_leaves) {
  const filch::pool pool(workers);
  for (int i = 0; i < rounds(300); ++i) {
    ASSERT_EQ(pool.submit([] { return nested(5); }).get(), 1024);
  }
}

TEST_F(stress_wide, forks_of_many_callers_have_the_right_results) {
  const filch::pool pool(workers);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < rounds(300); ++i) {
        const auto [a, b] = pool.fork_join([] { return fib(16); }, [] { return fib(15); });
        if (a != 987 || b != 610) ++wrong;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

// Each job waits for the one before it, so that only the oldest that has not ended can go on.
TEST_F(stress_wide, a_long_chain_of_jobs_that_wait_for_each_other_ends) {
  const filch::pool pool(workers);
  for (int i = 0; i < rounds(120); ++i) {
    constexpr int length = 200;
    auto chain = std::make_unique<futures>();
    chain->reserve(length);
    chain->push_back(pool.submit([] { return 0; }));
    for (std::size_t n = 1; n < length; ++n) {
      chain->push_back(pool.submit(
          [before = &(*chain)[n - 1], owned = belonging()] { return before->get() + 1; }));
    }
    ASSERT_EQ(chain->back().get(), length - 1);
  }
}

// More jobs sleep than there are workers; who wakes them comes last.
TEST_F(stress_wide, stand_ins_run_what_sleeping_workers_cannot) {
  const filch::pool pool(workers);
  for (int i = 0; i < rounds(60); ++i) {
    std::atomic<bool> open{false};
    auto door = pool.with(filch::on_io).submit([&open] {
      while (!open) std::this_thread::sleep_for(100us);
      return 1;
    });
    futures jobs;
    for (int n = 0; n < 100; ++n) {
      jobs.push_back(pool.submit([&door, owned = belonging()] {
        while (!door.wait_for(1h)) {
        }
        return 1;
      }));
    }
    auto last = pool.submit([&open, owned = belonging()] {
      open = true;
      return 1;
    });
    int ended = 0;
    for (auto& job : jobs) ended += job.get();
    ASSERT_EQ(ended + last.get(), 101);
  }
}

// Halves that must meet need as many threads as there are of them, while the left ones sleep.
TEST_F(stress_wide, halves_run_while_their_owners_sleep_in_the_left_branch) {
  const filch::pool pool(workers);
  for (int i = 0; i < rounds(300); ++i) {
    futures jobs;
    for (int n = 0; n < 48; ++n) {
      jobs.push_back(pool.submit([&pool, owned = belonging()] {
        std::atomic<bool> ran{false};
        const auto [a, b] = filch::fork_join(
            [&] {
              auto other = pool.with(filch::on_io).submit([&ran] {
                while (!ran) std::this_thread::sleep_for(50us);
                return 1;
              });
              while (!other.wait_for(1h)) {
              }
              return other.get();
            },
            [&ran] {
              ran = true;
              return 1;
            });
        return a + b;
      }));
    }
    for (auto& job : jobs) ASSERT_EQ(job.get(), 2);
  }
}

TEST_F(stress_wide, calls_that_are_stopped_throw_or_have_all_their_items) {
  const filch::pool pool(workers);
  auto random = filch_test::seeded();
  int stopped = 0;
  for (int i = 0; i < rounds(500); ++i) {
    // In every other round an item asks for the stop, else a thread at some moment.
    std::stop_source source;
    const int asker = i % 2 == 0 ? static_cast<int>(random() % 1000) : -1;
    std::thread stopper([&source, asker, wait = std::chrono::microseconds(random() % 400)] {
      if (asker >= 0) return;
      std::this_thread::sleep_for(wait);
      source.request_stop();
    });
    try {
      const auto made = pool.with({.stop = source.get_token()})
                            .map(
                                [&source, asker, owned = belonging()](int n) {
                                  if (n == asker) source.request_stop();
                                  volatile int spin = 0;
                                  for (int k = 0; k < 300; ++k) spin = spin + k;
                                  return n;
                                },
                                numbers(2000));
      EXPECT_EQ(sum(made), 2000 * 1999 / 2);
    } catch (const filch::cancelled&) {
      ++stopped;
    }
    stopper.join();
  }
  EXPECT_GT(stopped, 0) << "no call was stopped in time: this proves nothing";
}

// Pools end while their jobs make jobs; half of them by one of those jobs.
TEST_F(stress_wide, pools_end_while_jobs_make_jobs) {
  auto random = filch_test::seeded();
  for (int i = 0; i < rounds(80); ++i) {
    auto ran = std::make_shared<std::atomic<int>>(0);
    auto pool = std::make_unique<filch::pool>(workers);
    for (int n = 0; n < 50; ++n) {
      pool->post(
          [ran, owned = belonging()] { filch::for_index(0, 20, [&](int) { ran->fetch_add(1); }); });
    }
    if (random() % 2 == 0) {
      auto last = pool->submit([&pool] {
        pool.reset();
        return 1;
      });
      ASSERT_EQ(last.get(), 1);
    }
    pool.reset();
    ASSERT_TRUE(filch_test::eventually([&] { return *ran == 1000; })) << *ran;
  }
}

TEST_F(stress_wide, two_pools_call_into_each_other) {
  const filch::pool a(workers), b(workers);
  for (int i = 0; i < rounds(120); ++i) {
    futures jobs;
    for (int n = 0; n < 100; ++n) {
      jobs.push_back(a.submit([&a, &b, owned = belonging()] {
        return b.submit([&a, owned = belonging()] { return a.submit(fib, 8).get(); }).get();
      }));
    }
    for (auto& job : jobs) ASSERT_EQ(job.get(), 21);
  }
}

}  // namespace
