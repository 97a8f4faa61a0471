// In a crowded pool a worker sleeps and leaves forks to their owners. When an owner blocks in its
// left branch the sleeper must get up, whether or not a stand-in could be had.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <filch/filch.hpp>

#include "support/watchdog.hpp"

namespace {

using namespace std::chrono_literals;

class regression_blocked : public testing::Test {
 protected:
  /// Keeps a thread busy until the right half has run.
  void spin() {
    while (!right_ran_) std::this_thread::yield();
  }
  /// A job of `pool` that runs `f` and has begun.
  template <class F>
  filch::future<void> begun(filch::pool& pool, F f) {
    std::atomic<bool> began{false};
    auto job = pool.submit([&began, f] {
      began = true;
      f();
    });
    while (!began) std::this_thread::yield();
    return job;
  }
  /// Workers with nothing to do are asleep then.
  static void let_them_sleep() { std::this_thread::sleep_for(50ms); }

  /// A job whose left branch ends only when its right one has run elsewhere.
  void fork_and_block(filch::pool& pool) {
    auto long_job = begun(elsewhere_, [this] { spin(); });
    auto job = pool.submit(
        [&] { filch::fork_join([&] { long_job.wait(); }, [this] { right_ran_ = true; }); });
    while (!job.wait_for(1h)) {
    }
  }

  filch_test::watchdog guard_;
  filch::pool elsewhere_{2};
  std::atomic<bool> right_ran_{false};
};

TEST_F(regression_blocked, its_fork_wakes_a_worker_where_no_stand_in_can_be_had) {
  filch::pool pool({.max_threads = 2, .workers = 2});
  std::thread guest([&] { pool.fork_join([this] { spin(); }, [] {}); });
  let_them_sleep();
  fork_and_block(pool);
  guest.join();
}

TEST_F(regression_blocked, its_fork_wakes_a_worker_where_a_stand_in_too_many_is_busy) {
  filch::pool pool(2);
  std::atomic<bool> go{false};
  auto door = begun(elsewhere_, [&go] {
    while (!go) std::this_thread::yield();
  });
  auto first = begun(pool, [&door] {
    while (!door.wait_for(1h)) {
    }
  });
  auto second = begun(pool, [&door] {
    while (!door.wait_for(1h)) {
    }
  });
  auto on_a_stand_in = begun(pool, [this] { spin(); });
  go = true;
  while (!first.wait_for(1h) || !second.wait_for(1h)) {
  }
  let_them_sleep();
  fork_and_block(pool);
  on_a_stand_in.wait();
}

}  // namespace
