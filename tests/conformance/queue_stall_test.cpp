#include <atomic>
#include <chrono>
#include <thread>

#include <filch/pool.hpp>
#include <filch/queue.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::eventually;

FILCH_CONFORMANCE(queue_stall);

TEST_P(queue_stall, two_jobs_that_wait_for_each_other_would_deadlock) {
  auto pool = make_pool_of(2, {.max_threads = 2});
  const auto two = pool.with(concurrent() ? filch::job_options(filch::on_cpu) : filch::on_io);
  filch::queue<int> a(1), b(1);
  const auto fill_both = [](filch::queue<int>& mine) {
    mine.push(1);
    mine.push(2);  // the other job never gets to take the first
  };
  auto one = two.submit([&] {
    fill_both(a);
    return b.pop().has_value();
  });
  auto other = two.submit([&] {
    while (a.empty()) std::this_thread::yield();
    fill_both(b);
    return a.pop().has_value();
  });
  // This thread runs neither in place.
  ASSERT_TRUE(eventually([&] { return a.size() == 1 && b.size() == 1; }));
  EXPECT_THROW(one.get(), filch::would_deadlock);
  EXPECT_THROW(other.get(), filch::would_deadlock);
  EXPECT_EQ(two.submit([] { return 1; }).get(), 1);  // the pool is as good as before
}

TEST_P(queue_stall, a_wait_for_a_job_that_waits_in_a_queue_for_the_waiter_would_deadlock) {
  auto pool = make_pool_of(2, {.max_threads = 2});
  const auto two = pool.with(concurrent() ? filch::job_options(filch::on_cpu) : filch::on_io);
  filch::queue<int> never;
  std::atomic<bool> running{false}, both{false};
  auto sleeper = two.submit([&] {
    running = true;
    return never.pop().has_value();
  });
  auto outer = two.submit([&] {
    while (!running) std::this_thread::yield();
    both = true;
    return sleeper.get();
  });
  ASSERT_TRUE(eventually([&] { return both.load(); }));
  EXPECT_THROW(outer.get(), filch::would_deadlock);
}

TEST_P(queue_stall, a_thread_outside_that_may_still_push_is_waited_for) {
  auto pool = make_pool_of(1, {.max_threads = 1});
  const auto one = pool.with(concurrent() ? filch::job_options(filch::on_cpu) : filch::on_io);
  filch::queue<int> q;
  std::atomic<bool> running{false};
  auto consumer = one.submit([&] {
    running = true;
    return q.pop().value_or(-1);
  });
  ASSERT_TRUE(eventually([&] { return running.load(); }));
  std::this_thread::sleep_for(800ms);  // longer than a pool is let stand still
  q.push(5);
  EXPECT_EQ(consumer.get(), 5);
}

TEST_P(queue_stall, a_pool_that_may_have_more_threads_does_not_stand_still) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(1, {.max_threads = 2});
  filch::queue<int> q;
  auto consumer = pool.submit([&] { return q.pop().value_or(-1); });
  auto producer = pool.submit([&] { q.push(5); });
  EXPECT_EQ(consumer.get(), 5);
  producer.get();
}

}  // namespace
