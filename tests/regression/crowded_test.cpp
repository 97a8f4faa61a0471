// A crowded pool leaves forks to their owners, unless the owner sleeps; and nobody counts twice.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <filch/filch.hpp>

#ifdef FILCH_HAS_TBB
#include <filch/tbb.hpp>
#endif

#include "support/watchdog.hpp"

namespace {

using namespace std::chrono_literals;

class regression_crowded : public testing::Test {
 protected:
  static void spin_until(const std::atomic<bool>& flag) {
    while (!flag) std::this_thread::yield();
  }
  /// A future that is there when the right half has run; its job runs already.
  filch::future<void> right_half() {
    std::atomic<bool> began{false};
    auto job = elsewhere_.submit([&] {
      began = true;
      spin_until(right_ran_);
    });
    spin_until(began);
    return job;
  }
  /// Workers with nothing to do are asleep then.
  static void let_them_sleep() { std::this_thread::sleep_for(50ms); }

  filch_test::watchdog guard_;
  filch::pool elsewhere_{1U};
  std::atomic<bool> right_ran_{false};
};

TEST_F(regression_crowded,
       forks_of_a_caller_that_sleeps_are_not_left_to_it_when_the_other_one_goes) {
  filch::pool pool(1U);
  auto right = right_half();
  std::atomic<bool> inside{false};
  std::atomic<bool> leave{false};
  std::thread first([&] {
    pool.fork_join(
        [&] {
          inside = true;
          spin_until(leave);
        },
        [] {});
  });
  spin_until(inside);
  let_them_sleep();
  std::thread later([&] {
    std::this_thread::sleep_for(200ms);
    leave = true;
  });
  pool.fork_join([&] { right.get(); }, [this] { right_ran_ = true; });
  first.join();
  later.join();
}

TEST_F(regression_crowded, forks_of_a_worker_that_sleeps_are_taken_all_the_same) {
  filch::pool pool(2U);
  auto right = right_half();
  std::atomic<int> inside{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      pool.fork_join(
          [&] {
            ++inside;
            spin_until(right_ran_);
          },
          [] {});
    });
  }
  while (inside < 2) std::this_thread::yield();
  let_them_sleep();
  auto job =
      pool.submit([&] { filch::fork_join([&] { right.get(); }, [this] { right_ran_ = true; }); });
  while (!job.wait_for(1h)) {
  }
  for (auto& caller : callers) caller.join();
}

TEST_F(regression_crowded, a_caller_that_comes_back_through_another_pool_counts_once) {
  filch::pool pool(2U);
  let_them_sleep();
  pool.fork_join(
      [&] {
        elsewhere_.fork_join(
            [&] { pool.fork_join([&] { spin_until(right_ran_); }, [this] { right_ran_ = true; }); },
            [] {});
      },
      [] {});
}

// Seventy callers asleep inside, more than there are places for callers: both workers sleep, too,
// and only a stand-in can run the job that ends it all.
TEST_F(regression_crowded, callers_leave_the_stand_ins_their_places) {
  filch::pool pool({.max_threads = 3, .workers = 2});
  std::atomic<int> inside{0};
  auto hold = [&] {
    ++inside;
    elsewhere_.with(filch::on_io)
        .submit([this] {
          while (!right_ran_) std::this_thread::sleep_for(1ms);
        })
        .get();
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 70; ++i) callers.emplace_back([&] { pool.fork_join(hold, [] {}); });
  while (inside < 70) std::this_thread::yield();
  auto first = pool.submit(hold);
  auto second = pool.submit(hold);
  while (inside < 72) std::this_thread::yield();
  let_them_sleep();
  pool.post([this] { right_ran_ = true; });
  for (auto& caller : callers) caller.join();
  while (!first.wait_for(1h) || !second.wait_for(1h)) {
  }
}

#ifdef FILCH_HAS_TBB
// The engine asks whether it is needed; private forks of a caller at work are no reason.
TEST_F(regression_crowded, a_lent_thread_does_not_come_and_go_for_forks_it_must_not_take) {
  std::atomic<int> starts{0};
  filch::pool pool(filch::tbb_engine(1), {.on_start = [&] { ++starts; }});
  pool.fork_join(
      [&] {
        pool.post([] {});
        std::this_thread::sleep_for(300ms);
      },
      [] {});
  EXPECT_LT(starts, 100);
}
#endif

}  // namespace
