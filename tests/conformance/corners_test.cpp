#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <filch/error.hpp>
#include <filch/filch.hpp>
#include <filch/serial.hpp>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/failing_new.hpp"
#include "support/gate.hpp"

/// \file
/// Where several rules meet: no thread to be had, callbacks that end pools, closures whose
/// destruction uses the pool, and jobs that can start only when somebody already sleeps for them.

namespace {

using namespace std::chrono_literals;

FILCH_CONFORMANCE(corners);

/// Calls something when it is destroyed, wherever it was moved to.
class at_end {
 public:
  explicit at_end(std::function<void()> what) : what_(std::move(what)) {}
  at_end(at_end&& other) noexcept : what_(std::exchange(other.what_, nullptr)) {}
  ~at_end() {
    if (what_) what_();
  }

 private:
  std::function<void()> what_;
};

// ---- no thread to be had ----------------------------------------------------------------------

TEST_P(corners, a_job_that_may_start_later_is_run_by_its_waiter_if_nobody_else_is_left) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(1, {.max_threads = 1});
  auto outer = pool.submit([&pool] { return pool.submit_after(5ms, [] { return 7; }).get(); });
  ASSERT_TRUE(outer.wait_for(10s));  // which runs nothing itself
  EXPECT_EQ(outer.get(), 7);
}

TEST_P(corners, the_same_where_another_thread_must_finish_first) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate gate;
  auto pool = make_pool_of(1, {.max_threads = 2});
  auto first = pool.with(filch::on_io).submit([&gate] {
    gate.wait();
    return 3;
  });
  ASSERT_TRUE(gate.wait_for_visitors(1));
  auto next = first.then([](int x) { return x + 1; });
  auto outer = pool.submit([&] { return next.get(); });
  std::this_thread::sleep_for(10ms);
  gate.open();
  ASSERT_TRUE(outer.wait_for(10s));
  EXPECT_EQ(outer.get(), 4);
}

TEST_P(corners, a_wait_over_several_pools_sees_what_may_start_later) {
  filch_test::gate gate;
  auto pool = make_pool();
  filch::pool serial(filch::serial_engine());
  auto slow = serial.with(filch::on_io).submit([&gate] {
    gate.wait();
    return 1;
  });
  auto quick = pool.submit([] { return 2; });
  auto both = filch::when_all(std::move(quick), std::move(slow).then([](int x) { return x; }));
  const std::jthread opener([&gate] {
    std::this_thread::sleep_for(20ms);
    gate.open();
  });
  EXPECT_EQ(both.get(), std::make_tuple(2, 1));
}

// ---- one stand-in for each blocked worker, and no more ----------------------------------------

TEST_P(corners, jobs_queued_at_once_get_a_stand_in_each_if_all_workers_are_blocked) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate gate;
  auto pool = make_pool_of(2);
  auto first = pool.with(filch::on_io).submit([&gate] { gate.wait(); });
  auto second = pool.with(filch::on_io).submit([&gate] { gate.wait(); });
  ASSERT_TRUE(gate.wait_for_visitors(2));
  std::latch began(2);
  const auto block_on = [&began](filch::future<void>& result) {
    began.count_down();
    result.wait();
  };
  auto one = pool.submit([&] { block_on(first); });
  auto two = pool.submit([&] { block_on(second); });
  began.wait();
  std::this_thread::sleep_for(20ms);
  std::latch meet(2);
  auto meeting = pool.with({.chunk = 1})
                     .map_async([&meet](int) { meet.arrive_and_wait(); }, std::vector<int>{1, 2});
  const bool met = meeting.wait_for(10s);
  EXPECT_TRUE(met);
  if (!met) meet.count_down();
  gate.open();
  one.wait();
  two.wait();
}

TEST_P(corners, a_wake_up_that_hits_a_thread_already_woken_is_passed_on) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  for (int i = 0; i < 200 / filch_test::slowdown(); ++i) {
    filch_test::gate gate;
    auto slow = pool.with(filch::on_io).submit([&gate] { gate.wait(); });
    std::latch began(1);
    auto blocked = pool.submit([&] {
      began.count_down();
      slow.wait();
    });
    began.wait();
    std::this_thread::sleep_for(2ms);  // the other worker is asleep
    std::latch meet(2);
    auto one = pool.submit([&meet] { meet.arrive_and_wait(); });
    auto two = pool.submit([&meet] { meet.arrive_and_wait(); });
    const bool met = one.wait_for(10s) && two.wait_for(10s);
    gate.open();
    blocked.wait();
    ASSERT_TRUE(met) << "in round " << i;
  }
}

TEST_P(corners, a_worker_that_waits_within_a_wait_has_one_stand_in) {
  FILCH_NEEDS_CONCURRENT();
  for (int i = 0; i < 20; ++i) {
    filch_test::gate gate;
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    auto pool = make_pool_of(1, {.notice_blocking = false});
    auto slow = pool.with(filch::on_io).submit([&gate] { gate.wait(); });
    ASSERT_TRUE(gate.wait_for_visitors(1));
    std::latch began(1);
    auto outer = pool.submit([&] {
      // As a rule the worker runs it in place before a thread of the lane gets to it.
      pool.with(filch::on_io)
          .submit([&] {
            began.count_down();
            slow.wait();
          })
          .get();
    });
    began.wait();
    std::this_thread::sleep_for(2ms);
    std::vector<filch::future<void>> counted;
    for (int k = 0; k < 4; ++k) {
      counted.push_back(pool.submit([&] {
        const int mine = ++now;
        for (int seen = most; seen < mine && !most.compare_exchange_weak(seen, mine);) {
        }
        std::this_thread::sleep_for(1ms);
        --now;
      }));
    }
    for (auto& c : counted) EXPECT_TRUE(c.wait_for(10s));
    gate.open();
    outer.get();
    ASSERT_EQ(most, 1);
  }
}

// ---- two pools --------------------------------------------------------------------------------

TEST_P(corners, two_threads_may_call_from_each_of_two_pools_into_the_other) {
  auto one = make_pool();
  auto two = make_pool();
  for (int i = 0; i < 20; ++i) {
    std::latch both(2);
    const auto call = [&both](const filch::pool& from, const filch::pool& into) {
      return from
          .submit([&] {
            both.arrive_and_wait();
            return into.submit([] { return 1; }).get();
          })
          .get();
    };
    int there = 0;
    std::jthread other([&] { there = call(two, one); });
    EXPECT_EQ(call(one, two), 1);
    other.join();
    EXPECT_EQ(there, 1);
  }
}

TEST_P(corners, a_part_of_a_job_on_another_pools_thread_is_inside_the_jobs_pool) {
  std::shared_ptr<filch_test::test_pool> pool = make_heap_pool();
  filch::pool other(2);
  std::atomic<int> accepted{0};
  pool->submit([&] {
        pool->close();
        std::latch both(2);
        other.with({.chunk = 1}).for_each(std::vector<int>{1, 2}, [&](int) {
          both.arrive_and_wait();
          pool->post([&accepted] { ++accepted; });
        });
      })
      .get();
  pool->join();
  EXPECT_EQ(accepted, 2);
}

TEST_P(corners, a_part_of_a_job_may_end_the_jobs_pool_on_another_pools_thread) {
  std::shared_ptr<filch_test::test_pool> pool = make_heap_pool();
  filch::pool other(2);
  auto job = pool->submit([&] {
    std::latch both(2);
    const auto caller = std::this_thread::get_id();
    other.with({.chunk = 1}).for_each(std::vector<int>{1, 2}, [&](int) {
      both.arrive_and_wait();
      if (std::this_thread::get_id() != caller) pool.reset();
    });
  });
  job.get();
  EXPECT_EQ(pool, nullptr);
}

// ---- closures and callbacks that use the pool -------------------------------------------------

TEST_P(corners, the_closure_of_a_cancelled_io_job_may_use_the_lane_when_it_ends) {
  std::atomic<int> ran{0};
  filch_test::gate gate;
  auto pool = make_pool_of(1, {.max_threads = concurrent() ? 2U : 1U});
  auto busy = pool.with(filch::on_io).submit([&gate] { gate.wait(); });
  if (!gate.wait_for_visitors(1)) GTEST_FAIL() << "no thread of the lane";
  for (int i = 0; i < 3; ++i) {
    at_end guard([&] { pool.with(filch::on_io).post([&ran] { ++ran; }); });
    auto queued = pool.with(filch::on_io).submit([g = std::move(guard)] {});
    EXPECT_TRUE(queued.cancel());
  }
  gate.open();
  busy.get();
  EXPECT_TRUE(filch_test::eventually([&ran] { return ran == 3; }));
}

TEST_P(corners, an_io_job_that_has_ended_is_not_kept_by_its_idle_thread) {
  std::atomic<int> told{0};
  auto pool = make_pool({.on_unhandled = [&told](const std::exception_ptr&) { ++told; }});
  const auto start = std::chrono::steady_clock::now();
  pool.with(filch::on_io).post([] { throw std::runtime_error("nobody waits for it"); });
  EXPECT_TRUE(filch_test::eventually([&told] { return told == 1; }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST_P(corners, a_callback_may_end_the_pool_of_the_job_that_its_thread_has_cancelled) {
  std::shared_ptr<filch_test::test_pool> pool = make_heap_pool();
  filch_test::busy_workers busy(*pool, workers());
  auto queued = pool->submit([] {});
  queued.on_error([&](const std::exception_ptr&) {
    busy.release();
    pool.reset();
  });
  EXPECT_TRUE(queued.cancel());
  EXPECT_EQ(pool, nullptr);
}

TEST_P(corners, a_callback_may_end_the_pool_whose_clock_has_stopped_its_job) {
  std::shared_ptr<filch_test::test_pool> pool = make_heap_pool();
  filch_test::busy_workers busy(*pool, workers());
  std::latch ended(1);
  auto queued = pool->with({.timeout = 20ms}).submit([] {});
  queued.on_error([&](const std::exception_ptr&) {
    busy.release();
    pool.reset();
    ended.count_down();
  });
  ended.wait();
  EXPECT_THROW(queued.get(), filch::timed_out);
}

TEST_P(corners, get_does_not_move_a_value_away_under_a_callback_that_reads_it) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  for (int i = 0; i < 200; ++i) {
    std::string seen;
    std::atomic<bool> started{false};
    auto made = pool.submit([] { return std::string(100, 'x'); });
    made.on_done([&](const std::string& text) {
      started = true;
      std::this_thread::sleep_for(200us);
      for (const char c : text) seen.push_back(c);
    });
    if (i % 2 == 0) {
      EXPECT_EQ(made.get(), std::string(100, 'x'));
    } else {
      EXPECT_EQ(made.then([](std::string text) { return text.size(); }).get(), 100U);
    }
    ASSERT_TRUE(started);
    ASSERT_EQ(seen, std::string(100, 'x'));
  }
}

TEST_P(corners, a_callback_that_gets_the_value_itself_is_not_waited_for) {
  filch_test::gate gate;
  auto pool = make_pool();
  std::string got;
  auto made = pool.with(filch::on_io).submit([&gate] {
    gate.wait();
    return std::string(50, 'y');
  });
  made.on_done([&](const std::string&) { got = made.get(); });
  gate.open();
  made.wait();
  pool.close();
  pool.join();
  EXPECT_EQ(got, std::string(50, 'y'));
}

// ---- without workers --------------------------------------------------------------------------

TEST_P(corners, without_workers_one_job_runs_at_a_time_however_many_callers_there_are) {
  // One thread besides the callers leaves 65 places, fewer than there are callers here.
  filch::pool serial(filch::serial_engine(), {.max_threads = 1});
  std::atomic<int> inside{0};
  std::atomic<bool> alone{true};
  const auto work = [&] {
    if (inside.fetch_add(1) != 0) alone = false;
    std::this_thread::sleep_for(200us);
    inside.fetch_sub(1);
  };
  std::latch all(80);
  std::vector<std::jthread> callers;
  for (int i = 0; i < 80; ++i) {
    callers.emplace_back([&] {
      all.arrive_and_wait();
      for (int k = 0; k < 3; ++k) serial.fork_join(work, work);
    });
  }
  callers.clear();
  EXPECT_TRUE(alone);
}

TEST_P(corners, without_workers_a_result_of_lane_io_is_not_waited_for_behind_a_cpu_job) {
  filch::pool serial(filch::serial_engine());
  filch_test::gate gate;
  std::jthread other([&] { serial.submit([&gate] { gate.wait(); }).get(); });
  ASSERT_TRUE(gate.wait_for_visitors(1));
  auto result = serial.with(filch::on_io).submit([] {
    std::this_thread::sleep_for(5ms);  // so that the caller really waits
    return 7;
  });
  EXPECT_EQ(result.get(), 7);
  gate.open();
}

// ---- no memory --------------------------------------------------------------------------------

// On threads of core's own: what oneTBB does without memory is not ours to test.
TEST_P(corners, a_caller_works_without_a_place_where_there_is_no_memory_for_one) {
  for (int n = 0; n < 24; ++n) {
    filch::pool pool(width());
    std::atomic<int> ran{0};
    try {
      const filch_test::fail_new_after none(n);
      pool.fork_join([&] { ++ran; }, [&] { ++ran; });
    } catch (const std::bad_alloc&) {
      EXPECT_EQ(ran, 0);
      continue;
    }
    EXPECT_EQ(ran, 2);
  }
}

TEST_P(corners, a_job_of_lane_io_is_not_lost_where_there_is_no_memory_for_a_thread) {
  for (int n = 0; n < 24; ++n) {
    filch::pool pool(width());
    std::optional<filch::future<int>> result;
    try {
      const filch_test::fail_one_new without(n);
      result = pool.with(filch::on_io).submit([] { return 7; });
    } catch (const std::bad_alloc&) {
      continue;
    }
    EXPECT_EQ(result->get(), 7);
  }
}

// ---- chains -----------------------------------------------------------------------------------

TEST_P(corners, a_chain_of_then_may_be_longer_than_a_stack_is_deep) {
  filch_test::gate gate;
  auto pool = make_pool();
  auto last = pool.with(filch::on_io).submit([&gate] {
    gate.wait();
    return 0;
  });
  constexpr int links = 200'000;
  for (int i = 0; i < links; ++i) last = last.then([](int x) { return x + 1; });
  gate.open();
  EXPECT_EQ(last.get(), links);
}

TEST_P(corners, a_circle_through_then_is_found) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  std::latch ready(1);
  std::latch both(2);
  std::atomic<int> given_up{0};
  filch::future<void> first;
  filch::future<void> chained;
  const auto wait_for = [&](filch::future<void>& other) {
    both.arrive_and_wait();
    ready.wait();
    try {
      other.wait();
    } catch (const filch::would_deadlock&) {
      ++given_up;
    }
  };
  first = pool.submit([&] { wait_for(chained); });
  auto second = pool.submit([&] { wait_for(first); });
  chained = second.then([] {});
  ready.count_down();
  pool.close();
  pool.join();
  EXPECT_EQ(given_up, 1);
}

}  // namespace
