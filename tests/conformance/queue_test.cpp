#include <atomic>
#include <chrono>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <filch/pool.hpp>
#include <filch/queue.hpp>
#include <filch/race.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/failing_new.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::eventually;

static_assert(std::input_iterator<filch::queue<int>::iterator>);
static_assert(std::input_iterator<filch::queue<std::unique_ptr<int>>::iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, filch::queue<int>::iterator>);

FILCH_CONFORMANCE(queue);

// ---- one thread -------------------------------------------------------------------------------

TEST_P(queue, gives_elements_out_in_their_order) {
  filch::queue<int> q;
  for (int i = 0; i < 100; ++i) q.push(i);
  EXPECT_EQ(q.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(q.pop(), i);
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.try_pop(), std::nullopt);
}

TEST_P(queue, a_full_queue_takes_nothing_and_leaves_the_value) {
  filch::queue<std::unique_ptr<int>> q(2);
  EXPECT_EQ(q.capacity(), 2U);
  EXPECT_TRUE(q.try_push(std::make_unique<int>(1)));
  EXPECT_TRUE(q.push_for(std::make_unique<int>(2), 1s));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(q.try_push(std::move(third)));
  EXPECT_FALSE(q.push_for(std::move(third), 1ms));
  ASSERT_TRUE(third);
  EXPECT_EQ(**q.pop(), 1);
  EXPECT_TRUE(q.try_push(std::move(third)));
  EXPECT_EQ(**q.pop(), 2);
  EXPECT_EQ(**q.pop(), 3);
}

TEST_P(queue, what_is_in_a_closed_queue_can_be_taken_and_then_nothing) {
  filch::queue<int> q;
  q.push(1);
  q.push(2);
  EXPECT_FALSE(q.closed());
  q.close();
  q.close();
  EXPECT_TRUE(q.closed());
  EXPECT_EQ(q.pop(), 1);
  EXPECT_EQ(q.pop_for(1s), 2);
  EXPECT_EQ(q.pop(), std::nullopt);
  EXPECT_EQ(q.pop_for(1s), std::nullopt);
}

TEST_P(queue, misuse_is_named) {
  EXPECT_THROW(filch::queue<int>(0), std::invalid_argument);
  filch::queue<std::string> q;
  q.close();
  std::string kept = "a text that is too long for the small string";
  EXPECT_THROW(q.push(std::move(kept)), filch::queue_closed);
  EXPECT_THROW(q.try_push(std::move(kept)), filch::queue_closed);
  EXPECT_THROW(q.push_for(std::move(kept), 1ms), filch::queue_closed);
  EXPECT_EQ(kept.size(), 44U);
  EXPECT_EQ(q.size(), 0U);
}

TEST_P(queue, pop_for_keeps_its_time) {
  filch::queue<int> q;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(q.pop_for(20ms), std::nullopt);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  EXPECT_EQ(q.pop_for(-1ms), std::nullopt);
  q.push(7);
  EXPECT_EQ(q.pop_for(-1ms), 7);
}

TEST_P(queue, an_element_that_cannot_be_moved_in_or_out_is_not_lost) {
  const filch_test::no_leaks all;
  filch::queue<filch_test::throwing_move> q(2);
  q.push(filch_test::throwing_move(1));
  filch_test::throwing_move second(2);
  {
    const filch_test::fail_moves_after none(0);
    EXPECT_THROW(q.push(std::move(second)), filch_test::copy_failed);
    EXPECT_THROW(q.pop(), filch_test::copy_failed);
    EXPECT_THROW(q.begin(), filch_test::copy_failed);
    EXPECT_EQ(q.size(), 1U);
  }
  q.push(std::move(second));  // the room that was promised is free again
  EXPECT_EQ(q.pop()->value, 1);
  EXPECT_EQ(q.pop()->value, 2);
}

TEST_P(queue, without_memory_nothing_changes) {
  const filch_test::no_leaks all;
  filch::queue<filch_test::move_only> q(1);
  filch_test::move_only one(1);
  {
    const filch_test::fail_new_after none(0);
    EXPECT_THROW(q.push(std::move(one)), std::bad_alloc);
  }
  EXPECT_TRUE(q.try_push(std::move(one)));
  EXPECT_EQ(q.pop()->value, 1);
}

TEST_P(queue, destroys_what_nobody_took) {
  const filch_test::no_leaks all;
  filch::queue<filch_test::move_only> q;
  for (int i = 0; i < 10; ++i) q.push(filch_test::move_only(i));
  q.pop();
}

// ---- many threads -----------------------------------------------------------------------------

TEST_P(queue, every_element_reaches_one_of_many_consumers) {
  auto pool = make_pool();
  const auto on_io = pool.with(filch::on_io);
  for (const std::size_t capacity : {1U, 7U, 1000000U}) {
    constexpr int producers = 4, each = 500;
    filch::queue<filch_test::plain_payload> q(capacity);
    std::atomic<int> left{producers}, good{0};
    std::vector<filch::future<void>> jobs;
    for (int p = 0; p < producers; ++p) {
      jobs.push_back(on_io.submit([&] {
        for (int i = 0; i < each; ++i) q.push(filch_test::plain_payload(5));
        if (--left == 0) q.close();
      }));
    }
    for (int c = 0; c < 3; ++c) {
      jobs.push_back(on_io.submit([&] {
        for (auto& x : q) good += x.is(5);
      }));
    }
    for (auto& j : jobs) j.get();
    EXPECT_EQ(good, producers * each) << "capacity " << capacity;
    EXPECT_EQ(q.size(), 0U);
  }
}

TEST_P(queue, each_producer_keeps_its_order) {
  auto pool = make_pool();
  filch::queue<std::pair<int, int>> q(3);
  std::vector<filch::future<void>> jobs;
  for (int p = 0; p < 3; ++p) {
    jobs.push_back(pool.with(filch::on_io).submit([&, p] {
      for (int i = 0; i < 300; ++i) q.push({p, i});
    }));
  }
  std::vector<int> next(3);
  for (int n = 0; n < 900; ++n) {
    const auto got = q.pop();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->second, next[static_cast<std::size_t>(got->first)]++);
  }
}

TEST_P(queue, a_worker_that_waits_in_it_is_replaced) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  filch::queue<int> q;
  std::vector<filch::future<int>> consumers;
  const int n = static_cast<int>(workers()) * 4;
  for (int i = 0; i < n; ++i)
    consumers.push_back(pool.submit([&q] { return q.pop().value_or(-1); }));
  // All workers sleep in the queue, and the cpu lane works on.
  EXPECT_EQ(pool.submit([] { return 1; }).get_for(20s), 1);
  std::vector<filch::future<void>> producers;
  for (int i = 0; i < n; ++i) producers.push_back(pool.submit([&q, i] { q.push(i); }));
  for (auto& p : producers) EXPECT_TRUE(p.wait_for(20s));
  int sum = 0;
  for (auto& c : consumers) sum += c.get();
  EXPECT_EQ(sum, n * (n - 1) / 2);
}

TEST_P(queue, work_is_farmed_out_and_results_collected) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  filch::queue<int> todo(8), done(8);
  std::atomic<int> left{3};
  for (int w = 0; w < 3; ++w) {
    pool.post([&] {
      for (const int x : todo) done.push(x * x);
      if (--left == 0) done.close();
    });
  }
  auto feeder = pool.submit([&] {
    for (int i = 1; i <= 1000; ++i) todo.push(i);
    todo.close();
  });
  long sum = 0;
  for (const int x : done) sum += x;
  EXPECT_EQ(sum, 333833500);
  feeder.get();
  pool.close();
  pool.join();  // before the queues end
}

// ---- stopping and ending ----------------------------------------------------------------------

TEST_P(queue, a_stop_of_the_job_ends_its_wait) {
  auto pool = make_pool();
  const auto on_io = pool.with(filch::on_io);
  filch::queue<int> empty, full(1);
  full.push(1);
  auto popper = on_io.submit([&] { return empty.pop().has_value(); });
  auto looper = on_io.submit([&] {
    for (const int x : empty) static_cast<void>(x);
  });
  auto patient = on_io.submit([&] { return empty.pop_for(1h).has_value(); });
  auto pusher = on_io.submit([&] { full.push(2); });
  std::this_thread::sleep_for(5ms);
  popper.cancel();
  looper.cancel();
  patient.cancel();
  pusher.cancel();
  EXPECT_THROW(popper.get(), filch::cancelled);
  EXPECT_THROW(looper.get(), filch::cancelled);
  EXPECT_THROW(patient.get(), filch::cancelled);
  EXPECT_THROW(pusher.get(), filch::cancelled);
  EXPECT_EQ(full.size(), 1U);
  empty.push(3);  // nobody takes it who has left
  EXPECT_EQ(empty.pop(), 3);
}

TEST_P(queue, a_token_ends_a_wait_outside_of_any_job) {
  filch::queue<int> empty, full(1);
  full.push(1);
  std::stop_source stop;
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    stop.request_stop();
  });
  EXPECT_THROW(empty.pop(stop.get_token()), filch::cancelled);
  other.join();
  EXPECT_THROW(empty.pop(stop.get_token()), filch::cancelled);
  EXPECT_THROW(full.push(2, stop.get_token()), filch::cancelled);
  EXPECT_EQ(full.size(), 1U);
  EXPECT_EQ(full.pop(), 1);
}

TEST_P(queue, a_call_that_a_stopped_consumer_got_reaches_another) {
  auto pool = make_pool();
  const auto on_io = pool.with(filch::on_io);
  for (int round = 0; round < 50; ++round) {
    filch::queue<int> q;
    std::stop_source stop;
    auto stopped = on_io.submit([&] {
      try {
        return q.pop(stop.get_token()).has_value();
      } catch (const filch::cancelled&) {
        return false;
      }
    });
    auto other = on_io.submit([&] { return q.pop().has_value(); });
    std::thread pusher([&] { q.push(1); });
    stop.request_stop();
    pusher.join();
    if (stopped.get()) q.push(2);
    EXPECT_TRUE(other.get_for(20s));
  }
}

TEST_P(queue, closing_ends_every_wait) {
  auto pool = make_pool();
  const auto on_io = pool.with(filch::on_io);
  filch::queue<int> empty, full(1);
  full.push(1);
  std::vector<filch::future<bool>> poppers;
  std::vector<filch::future<void>> pushers;
  for (int i = 0; i < 5; ++i) {
    poppers.push_back(on_io.submit([&] { return empty.pop().has_value(); }));
    pushers.push_back(on_io.submit([&] { full.push(2); }));
  }
  std::this_thread::sleep_for(5ms);
  empty.close();
  full.close();
  for (auto& p : poppers) EXPECT_FALSE(p.get());
  for (auto& p : pushers) EXPECT_THROW(p.get(), filch::queue_closed);
  EXPECT_EQ(full.pop(), 1);
  EXPECT_EQ(full.pop(), std::nullopt);
}

TEST_P(queue, its_end_waits_for_those_that_sleep_in_it) {
  auto pool = make_pool();
  const auto on_io = pool.with(filch::on_io);
  std::vector<filch::future<bool>> poppers;
  {
    filch::queue<int> q;
    std::atomic<int> came{0};
    for (int i = 0; i < 5; ++i) {
      poppers.push_back(on_io.submit([&] {
        ++came;
        return q.pop().has_value();
      }));
    }
    ASSERT_TRUE(eventually([&] { return came == 5; }));
    std::this_thread::sleep_for(20ms);  // all are inside, as the destructor requires
  }
  for (auto& p : poppers) EXPECT_FALSE(p.get());
}

TEST_P(queue, losers_of_a_race_leave_it) {
  auto pool = make_pool();
  filch::queue<int> q;
  const auto won = pool.race(
      [&](int i) {
        if (i == 0) return std::this_thread::sleep_for(5ms), 0;
        return q.pop().value_or(-1);
      },
      std::vector<int>{0, 1, 2, 3});
  EXPECT_EQ(won.value, 0);
  q.push(1);
  EXPECT_EQ(q.size(), 1U);
}

}  // namespace
