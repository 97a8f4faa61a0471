#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
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
using filch_test::counted;
using filch_test::eventually;
using filch_test::move_only;
using filch_test::unhandled_errors;

FILCH_CONFORMANCE(future);

int fails() { throw std::runtime_error("fail"); }

// ---- get and wait

TEST_P(future, hands_a_value_out_once) {
  auto pool = make_pool();
  auto f = pool.submit([] { return 1; });
  EXPECT_EQ(f.get(), 1);
  EXPECT_THROW(f.get(), filch::result_moved);
  EXPECT_TRUE(f.valid());
}

TEST_P(future, throws_its_error_as_often_as_it_is_asked) {
  auto pool = make_pool();
  auto f = pool.submit(fails);
  EXPECT_THROW(f.get(), std::runtime_error);
  EXPECT_THROW(f.get(), std::runtime_error);
}

TEST_P(future, without_a_result_behind_it_refuses_everything) {
  filch::future<int> none;
  EXPECT_FALSE(none.valid());
  EXPECT_THROW(none.get(), filch::no_result);
  EXPECT_THROW(none.wait(), filch::no_result);
  EXPECT_THROW((void)none.ready(), filch::no_result);
  EXPECT_THROW((void)none.cancel(), filch::no_result);
  EXPECT_THROW((void)none.wait_for(1s), filch::no_result);
  EXPECT_THROW((void)none.get_for(1s), filch::no_result);
  EXPECT_THROW((void)none.then([](int) {}), filch::no_result);
  EXPECT_THROW(none.on_done([](int) {}), filch::no_result);
  EXPECT_THROW(none.on_error([](std::exception_ptr) {}), filch::no_result);
}

TEST_P(future, moved_from_has_no_result) {
  auto pool = make_pool();
  auto f = pool.submit([] { return 1; });
  auto g = std::move(f);
  EXPECT_FALSE(f.valid());  // NOLINT(bugprone-use-after-move): that is the question
  EXPECT_THROW(f.get(), filch::no_result);
  EXPECT_EQ(g.get(), 1);
}

// mirrors CPython test_async_timeout, test_result_with_timeout
TEST_P(future, get_for_gives_up_in_time_and_can_be_asked_again) {
  filch_test::gate door;
  auto pool = make_pool();
  auto f = pool.with(filch::on_io).submit([&] {
    door.wait();
    return 4;
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW((void)f.get_for(20ms), filch::timed_out);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  EXPECT_FALSE(f.wait_for(0ms));
  EXPECT_FALSE(f.wait_for(-1h));
  door.open();
  EXPECT_EQ(f.get_for(10s), 4);
}

TEST_P(future, get_for_and_wait_for_never_run_the_job_themselves) {
  auto pool = make_pool();
  bool ran = false;
  const busy_workers held(pool, workers());
  auto f = pool.submit([&] { ran = true; });
  EXPECT_FALSE(f.wait_for(10ms));
  EXPECT_THROW(f.get_for(10ms), filch::timed_out);
  EXPECT_FALSE(ran);
  f.get();  // get does
  EXPECT_TRUE(ran);
}

TEST_P(future, a_wait_without_end_waits_for_ever) {
  auto pool = make_pool();
  auto f = pool.with(filch::on_io).submit([] {
    std::this_thread::sleep_for(20ms);
    return 2;
  });
  EXPECT_TRUE(f.wait_for(std::chrono::hours::max()));
  EXPECT_EQ(f.get_for(std::chrono::nanoseconds::max()), 2);
}

TEST_P(future, wait_throws_nothing_of_the_jobs) {
  auto pool = make_pool();
  auto f = pool.submit(fails);
  EXPECT_NO_THROW(f.wait());
  EXPECT_TRUE(f.ready());
  EXPECT_THROW(f.get(), std::runtime_error);
}

// mirrors CPython test_result_with_success
TEST_P(future, wakes_a_waiter_on_another_thread) {
  filch_test::gate door;
  auto pool = make_pool();
  auto f = pool.with(filch::on_io).submit([&] {
    door.wait();
    return 42;
  });
  int got = 0;
  {
    const std::jthread waiter([&] { got = f.get(); });
    EXPECT_TRUE(door.wait_for_visitors(1));
    door.open();
  }
  EXPECT_EQ(got, 42);
}

// mirrors CPython test_result_with_cancel
TEST_P(future, wakes_a_waiter_when_it_is_cancelled_elsewhere) {
  auto pool = make_pool();
  auto f = pool.submit_after(1h, [] { return 1; });
  std::jthread canceller;
  std::atomic<bool> threw{false};
  auto follow = f.shared();
  canceller = std::jthread([follow] {
    std::this_thread::sleep_for(10ms);
    follow->cancel();
  });
  try {
    f.get();
  } catch (const filch::cancelled&) {
    threw = true;
  }
  EXPECT_TRUE(threw);
}

// ---- cancel: mirrors CPython test_cancel, test_cancelled, test_done, test_running

TEST_P(future, cancelling_a_pending_job_means_it_never_runs) {
  auto pool = make_pool();
  bool ran = false;
  busy_workers held(pool, workers());
  auto f = pool.submit([&] { ran = true; });
  EXPECT_TRUE(f.cancel());
  EXPECT_TRUE(f.ready());
  EXPECT_THROW(f.get(), filch::cancelled);
  held.release();
  pool.close();
  pool.join();
  EXPECT_FALSE(ran);
}

TEST_P(future, cancelling_a_running_job_asks_it_to_stop_and_its_value_wins) {
  filch_test::gate door;
  auto pool = make_pool();
  auto f = pool.with(filch::on_io).submit([&](std::stop_token token) {
    door.wait();
    while (!token.stop_requested()) std::this_thread::yield();
    return 9;
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  EXPECT_FALSE(f.cancel());
  door.open();
  EXPECT_EQ(f.get(), 9);
}

TEST_P(future, a_running_job_may_end_itself_as_cancelled) {
  filch_test::gate door;
  auto pool = make_pool();
  auto f = pool.with(filch::on_io).submit([&] {
    door.wait();
    while (true) filch::this_job::check();
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  EXPECT_FALSE(f.cancel());
  door.open();
  EXPECT_THROW(f.get(), filch::cancelled);
}

TEST_P(future, cancelling_a_finished_job_changes_nothing) {
  auto pool = make_pool();
  auto value = pool.submit([] { return 1; });
  value.wait();
  EXPECT_FALSE(value.cancel());
  EXPECT_EQ(value.get(), 1);
  auto error = pool.submit(fails);
  error.wait();
  EXPECT_FALSE(error.cancel());
  EXPECT_THROW(error.get(), std::runtime_error);
}

TEST_P(future, a_second_cancel_is_not_the_one_that_kept_the_job_from_running) {
  auto pool = make_pool();
  const busy_workers held(pool, workers());
  auto f = pool.submit([] {});
  EXPECT_TRUE(f.cancel());
  EXPECT_FALSE(f.cancel());
}

TEST_P(future, cancel_and_run_never_both_happen) {
  auto pool = make_pool();
  for (int i = 0; i < 500; ++i) {
    int runs = 0;
    auto f = pool.submit([&runs] { ++runs; });
    if (i % 3 == 0) std::this_thread::yield();
    const bool cancelled = f.cancel();
    try {
      f.get();
      EXPECT_FALSE(cancelled);
      EXPECT_EQ(runs, 1);
    } catch (const filch::cancelled&) {
      // Not cancelled by its future, but asked to stop between its start and its first line.
      EXPECT_EQ(runs, 0);
    }
  }
}

// ---- on_done, on_error

// mirrors CPython test_done_callback_with_result, _with_exception, _with_cancel
TEST_P(future, each_callback_is_called_once_in_each_state) {
  auto pool = make_pool();
  std::atomic<int> done{0};
  std::atomic<int> failed{0};
  const auto watch = [&](auto& f) {
    f.on_done([&](int) { ++done; }).on_error([&](std::exception_ptr) { ++failed; });
  };
  {
    busy_workers held(pool, workers());
    auto value = pool.submit([] { return 1; });
    auto error = pool.submit(fails);
    auto gone = pool.submit([] { return 1; });
    watch(value);
    watch(error);
    watch(gone);
    gone.cancel();
    held.release();
    value.wait();
    error.wait();
  }
  EXPECT_TRUE(eventually([&] { return done + failed == 3; }));
  EXPECT_EQ(done, 1);
  EXPECT_EQ(failed, 2);
}

// mirrors CPython test_done_callback_already_successful, _already_failed, _already_cancelled
TEST_P(future, a_late_callback_runs_at_once_on_its_caller) {
  auto pool = make_pool();
  auto value = pool.submit([] { return 1; });
  auto error = pool.submit(fails);
  auto gone = pool.submit_after(1h, [] { return 1; });
  value.wait();
  error.wait();
  gone.cancel();
  std::thread::id done_on;
  std::thread::id failed_on;
  std::thread::id cancelled_on;
  value.on_done([&](const int& v) {
    EXPECT_EQ(v, 1);
    done_on = std::this_thread::get_id();
  });
  error.on_error([&](std::exception_ptr e) {
    EXPECT_EQ(filch::describe(e), "fail");
    failed_on = std::this_thread::get_id();
  });
  gone.on_error([&](std::exception_ptr) { cancelled_on = std::this_thread::get_id(); });
  EXPECT_EQ(done_on, std::this_thread::get_id());
  EXPECT_EQ(failed_on, std::this_thread::get_id());
  EXPECT_EQ(cancelled_on, std::this_thread::get_id());
}

// mirrors CPython test_done_callback_raises
TEST_P(future, a_throwing_callback_stops_no_other_and_is_reported) {
  unhandled_errors errors;
  std::atomic<int> called{0};
  {
    auto pool = make_pool({.on_unhandled = errors.handler()});
    auto f = pool.submit_after(10ms, [] { return 1; });
    f.on_done([&](int) { ++called; });
    f.on_done([&](int) {
      ++called;
      throw std::runtime_error("callback");
    });
    f.on_done([&](int) { ++called; });
    f.wait();
  }
  EXPECT_EQ(called, 3);
  ASSERT_EQ(errors.count(), 1U);
  EXPECT_EQ(errors.text(0), "callback");
}

TEST_P(future, callbacks_run_in_the_order_they_were_added) {
  std::vector<int> order;
  {
    auto pool = make_pool();
    auto f = pool.submit_after(10ms, [] {});
    for (int i = 0; i < 5; ++i) f.on_done([&order, i] { order.push_back(i); });
  }
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST_P(future, a_callback_added_while_the_job_ends_is_called_once) {
  auto pool = make_pool();
  std::atomic<int> called{0};
  constexpr int rounds = 500;
  for (int i = 0; i < rounds; ++i) {
    auto f = pool.submit([] { return 1; });
    f.on_done([&](int) { ++called; });
    f.on_done([&](int) { ++called; });
    f.wait();
  }
  EXPECT_TRUE(eventually([&] { return called == 2 * rounds; }));
}

TEST_P(future, callbacks_are_freed_whatever_happens) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  auto gone = pool.submit_after(1h, [] {});
  gone.on_done([c = counted(1)] { (void)c; });
  gone.on_error([c = counted(2)](std::exception_ptr) { (void)c; });
  gone.cancel();
}

// ---- errors nobody reads

TEST_P(future, an_unread_error_reaches_on_unhandled_exactly_once) {
  unhandled_errors errors;
  auto pool = make_pool({.on_unhandled = errors.handler()});
  {
    auto dropped = pool.submit(fails);
    dropped.wait();
  }
  EXPECT_TRUE(eventually([&] { return errors.count() == 1; }));
  EXPECT_EQ(pool.stats().unhandled, 1U);
  {
    (void)pool.submit(fails);
  }
  pool.close();
  pool.join();
  EXPECT_EQ(errors.count(), 2U);
}

TEST_P(future, a_read_error_reaches_nobody_else) {
  unhandled_errors errors;
  {
    auto pool = make_pool({.on_unhandled = errors.handler()});
    EXPECT_THROW(pool.submit(fails).get(), std::runtime_error);
    if (concurrent()) {
      EXPECT_THROW((void)pool.submit(fails).get_for(10s), std::runtime_error);
    }
    pool.submit(fails).on_error([](std::exception_ptr) {});
    auto next = pool.submit(fails).then([](int x) { return x; });
    EXPECT_THROW(next.get(), std::runtime_error);
  }
  EXPECT_EQ(errors.count(), 0U);
}

TEST_P(future, an_unread_cancellation_is_no_error) {
  unhandled_errors errors;
  {
    auto pool = make_pool({.on_unhandled = errors.handler()});
    auto gone = pool.submit_after(1h, [] {});
    gone.cancel();
  }
  EXPECT_EQ(errors.count(), 0U);
}

// ---- then

TEST_P(future, then_passes_the_value_on) {
  auto pool = make_pool();
  auto f = pool.submit([] { return 2; }).then([](int x) { return x * 10; }).then([](int x) {
    return std::to_string(x);
  });
  EXPECT_EQ(f.get(), "20");
}

TEST_P(future, then_moves_what_cannot_be_copied) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  auto f = pool.submit([] { return move_only(2); }).then([](move_only m) {
    return move_only(m.value + 1);
  });
  EXPECT_EQ(f.get().value, 3);
}

TEST_P(future, then_works_with_void_on_both_sides) {
  auto pool = make_pool();
  int steps = 0;
  pool.submit([&] { ++steps; }).then([&] { ++steps; }).then([&] { ++steps; }).get();
  EXPECT_EQ(steps, 3);
}

TEST_P(future, then_skips_its_callable_after_an_error_or_a_cancellation) {
  auto pool = make_pool();
  bool ran = false;
  auto after_error = pool.submit(fails).then([&](int) { ran = true; }).then([&] { ran = true; });
  EXPECT_THROW(after_error.get(), std::runtime_error);
  auto first = pool.submit_after(1h, [] { return 1; });
  const auto handle = first.shared();
  auto after_cancel = first.then([&](int) { ran = true; });
  handle->cancel();
  EXPECT_THROW(after_cancel.get(), filch::cancelled);
  EXPECT_FALSE(ran);
}

TEST_P(future, then_reports_what_its_callable_throws) {
  auto pool = make_pool();
  auto f = pool.submit([] { return 1; }).then([](int) -> int { throw std::logic_error("then"); });
  EXPECT_THROW(f.get(), std::logic_error);
}

TEST_P(future, then_uses_its_future_up) {
  auto pool = make_pool();
  auto f = pool.submit([] { return 1; });
  auto g = f.then([](int x) { return x; });
  EXPECT_FALSE(f.valid());
  EXPECT_THROW(f.get(), filch::no_result);
  EXPECT_EQ(g.get(), 1);
}

TEST_P(future, a_long_chain_of_thens_finishes) {
  auto pool = make_pool();
  auto f = pool.submit([] { return 0; });
  for (int i = 0; i < 1000; ++i) f = f.then([](int x) { return x + 1; });
  EXPECT_EQ(f.get(), 1000);
}

TEST_P(future, a_chain_that_nobody_waits_for_finishes_with_the_pool) {
  std::atomic<int> steps{0};
  {
    auto pool = make_pool();
    (void)pool.submit([&] { ++steps; }).then([&] { ++steps; }).then([&] { ++steps; });
  }
  EXPECT_EQ(steps, 3);
}

// ---- lifetime

// mirrors CPython test_del_shutdown, test_hang_issue12364
TEST_P(future, results_outlive_the_pool) {
  std::vector<filch::future<int>> results;
  {
    auto pool = make_pool();
    for (int i = 0; i < 50; ++i) results.push_back(pool.submit([i] { return i; }));
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i);
}

TEST_P(future, dropping_one_neither_waits_nor_cancels) {
  filch_test::gate door;
  auto pool = make_pool();
  std::atomic<bool> ran{false};
  {
    auto dropped = pool.with(filch::on_io).submit([&] {
      door.wait();
      ran = true;
    });
  }
  door.open();
  pool.close();
  pool.join();
  EXPECT_TRUE(ran);
}

TEST_P(future, may_be_kept_by_a_job_of_its_own) {
  filch_test::gate door;
  auto pool = make_pool();
  auto holder = std::make_shared<filch::future<int>>();
  *holder = pool.with(filch::on_io).submit([holder, &door] {
    door.wait();
    return 1;
  });
  holder.reset();
  door.open();
}

}  // namespace
