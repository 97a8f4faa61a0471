#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include <filch/pool.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::busy_workers;
using filch_test::eventually;

FILCH_CONFORMANCE(io_lane);

TEST_P(io_lane, a_hundred_jobs_block_at_once_on_a_pool_of_one) {
  filch_test::gate door;
  auto pool = make_pool_of(1);
  std::vector<filch::future<int>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(pool.with(filch::on_io).submit([&, i] {
      door.wait();
      return i;
    }));
  }
  EXPECT_TRUE(door.wait_for_visitors(100));
  EXPECT_EQ(pool.stats().io_threads, 100U);
  door.open();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(jobs[static_cast<std::size_t>(i)].get(), i);
}

TEST_P(io_lane, a_hundred_sleeps_take_hardly_longer_than_one) {
  auto pool = make_pool_of(1);
  const auto start = std::chrono::steady_clock::now();
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(pool.with(filch::on_io).submit([] { std::this_thread::sleep_for(100ms); }));
  }
  for (auto& j : jobs) j.get();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 100 * 100ms / 5);
}

TEST_P(io_lane, blocking_jobs_keep_no_cpu_job_waiting) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate door;
  auto pool = make_pool();
  std::vector<filch::future<void>> blocked;
  for (int i = 0; i < 20; ++i) {
    blocked.push_back(pool.with(filch::on_io).submit([&] { door.wait(); }));
  }
  EXPECT_EQ(pool.submit([] { return 1; }).get_for(20s), 1);
  door.open();
}

TEST_P(io_lane, busy_workers_keep_no_blocking_job_waiting) {
  auto pool = make_pool();
  const busy_workers all(pool, workers());
  EXPECT_EQ(pool.with(filch::on_io).submit([] { return 1; }).get_for(20s), 1);
}

TEST_P(io_lane, a_thread_that_becomes_idle_gives_its_place_back) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(1, {.max_threads = 3});
  const filch_test::busy_workers all(pool, 1);  // it cannot help out
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(pool.with(filch::on_io).submit([] {}).wait_for(20s)) << "job " << i;
    std::this_thread::sleep_for(5ms);  // the thread is idle only some moments after its result
  }
}

// mirrors CPython test_idle_thread_reuse
TEST_P(io_lane, idle_threads_are_used_again) {
  auto pool = make_pool();
  for (int i = 0; i < 100; ++i) {
    pool.with(filch::on_io).submit([] {}).get();
    // The thread is idle only some moments after it has handed its result over.
    std::this_thread::sleep_for(200us);
  }
  EXPECT_LT(pool.stats().io_threads_started, 50U);
}

TEST_P(io_lane, max_threads_queues_the_rest_and_finishes_everything) {
  auto pool = make_pool({.max_threads = workers() + 3});
  filch_test::peak peak;
  std::atomic<int> ran{0};
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 60; ++i) {
    jobs.push_back(pool.with(filch::on_io).submit([&] {
      peak.enter();
      std::this_thread::sleep_for(1ms);
      ++ran;
      peak.leave();
    }));
  }
  for (auto& j : jobs) j.get();
  EXPECT_EQ(ran, 60);
  EXPECT_LE(peak.most(), 3);
  EXPECT_GE(peak.most(), 2);
}

TEST_P(io_lane, without_room_for_threads_blocking_jobs_run_on_workers) {
  if (!concurrent()) return;  // max_threads 0 there means the default
  auto pool = make_pool({.max_threads = workers()});
  std::vector<filch::future<int>> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(pool.with(filch::on_io).submit([i] { return i; }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(jobs[static_cast<std::size_t>(i)].get(), i);
}

TEST_P(io_lane, nested_jobs_beyond_the_ceiling_finish) {
  auto pool = make_pool({.max_threads = workers() + 2});
  struct nested {
    static int io(const filch::pool& p, int depth) {
      if (depth == 0) return 0;
      return p.with(filch::on_io).submit([&p, depth] { return io(p, depth - 1); }).get() + 1;
    }
  };
  EXPECT_EQ(nested::io(pool, 20), 20);
}

TEST_P(io_lane, jobs_of_both_lanes_nest_in_each_other) {
  auto pool = make_pool();
  std::vector<filch::future<int>> jobs;
  for (int i = 0; i < 20; ++i) {
    jobs.push_back(pool.with(filch::on_io).submit([&, i] {
      return pool.submit([&, i] { return pool.with(filch::on_io).submit([i] { return i; }).get(); })
          .get();
    }));
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(jobs[static_cast<std::size_t>(i)].get(), i);
}

TEST_P(io_lane, errors_and_cancellations_are_as_on_the_cpu_lane) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  auto failing = pool.with(filch::on_io).submit([] { throw std::runtime_error("io"); });
  EXPECT_THROW(failing.get(), std::runtime_error);
  auto throwing =
      pool.with(filch::on_io)
          .submit([](filch_test::counted) { throw filch::cancelled(); }, filch_test::counted(1));
  EXPECT_THROW(throwing.get(), filch::cancelled);
}

TEST_P(io_lane, an_idle_thread_ends_after_some_seconds) {
  // One engine stands for all: the lane is core's own, and this takes five seconds.
  if (GetParam().name() != "native_1") return;
  auto pool = make_pool();
  pool.with(filch::on_io).submit([] {}).get();
  EXPECT_EQ(pool.stats().io_threads, 1U);
  std::this_thread::sleep_for(2s);
  EXPECT_EQ(pool.stats().io_threads, 1U);
  EXPECT_TRUE(eventually([&] { return pool.stats().io_threads == 0; }));
  pool.with(filch::on_io).submit([] {}).get();
  EXPECT_EQ(pool.stats().io_threads, 1U) << "a new one comes when it is needed";
}

}  // namespace
