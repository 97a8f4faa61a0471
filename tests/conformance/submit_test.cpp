#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/pool.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/failing_new.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::busy_workers;
using filch_test::counted;
using filch_test::eventually;
using filch_test::ledger;
using filch_test::move_only;
using filch_test::unhandled_errors;

FILCH_CONFORMANCE(submit);

int square(int x) { return x * x; }

// mirrors CPython test_apply, test_submit
TEST_P(submit, gives_what_the_callable_returns) {
  auto pool = make_pool();
  EXPECT_EQ(pool.submit(square, 5).get(), 25);
  EXPECT_EQ(pool.submit([] { return std::string("text"); }).get(), "text");
}

// mirrors CPython test_submit_keyword
TEST_P(submit, passes_copies_of_its_arguments) {
  auto pool = make_pool();
  std::string left = "a";
  std::string right = "b";
  auto joined =
      pool.submit([](std::string a, const std::string& b) { return a + b; }, left, std::ref(right));
  left = "changed";
  EXPECT_EQ(joined.get(), "ab");
}

TEST_P(submit, hands_a_referenced_argument_through_by_ref) {
  auto pool = make_pool();
  int target = 1;
  pool.submit([](int& x) { x = 7; }, std::ref(target)).get();
  EXPECT_EQ(target, 7);
}

TEST_P(submit, calls_member_functions_and_member_objects) {
  struct point {
    int x;
    int doubled() const { return 2 * x; }
  };
  auto pool = make_pool();
  EXPECT_EQ(pool.submit(&point::doubled, point{4}).get(), 8);
  EXPECT_EQ(pool.submit(&point::x, point{5}).get(), 5);
}

TEST_P(submit, moves_a_callable_and_arguments_that_cannot_be_copied) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  auto run = [state = std::make_unique<int>(3)](move_only m, std::unique_ptr<int> p) {
    return move_only(m.value + *p + *state);
  };
  EXPECT_EQ(pool.submit(std::move(run), move_only(1), std::make_unique<int>(2)).get().value, 6);
}

TEST_P(submit, gives_references_as_references) {
  auto pool = make_pool();
  int place = 1;
  int& given = pool.submit([&]() -> int& { return place; }).get();
  EXPECT_EQ(&given, &place);
}

TEST_P(submit, gives_nothing_for_void) {
  auto pool = make_pool();
  bool ran = false;
  pool.submit([&] { ran = true; }).get();
  EXPECT_TRUE(ran);
}

TEST_P(submit, gives_a_stop_token_to_callables_that_only_fit_with_one) {
  auto pool = make_pool();
  EXPECT_FALSE(pool.submit([](std::stop_token t, int) { return t.stop_requested(); }, 1).get());
  EXPECT_TRUE(pool.submit([](auto&&... all) { return sizeof...(all) == 1; }, 1).get());
}

TEST_P(submit, does_not_copy_more_than_it_must) {
  auto pool = make_pool();
  auto& seen = ledger::global();
  const long before = seen.copies;
  const counted lvalue(1);
  pool.submit([](const counted& c) { return c.value; }, lvalue).get();
  EXPECT_EQ(seen.copies - before, 1);
  pool.submit([](const counted& c) { return c.value; }, counted(2)).get();
  EXPECT_EQ(seen.copies - before, 1);
}

// mirrors CPython test_async
TEST_P(submit, runs_while_its_caller_goes_on) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate door;
  auto pool = make_pool();
  auto result = pool.submit([&] {
    door.wait();
    return 5;
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  EXPECT_FALSE(result.ready());
  door.open();
  EXPECT_EQ(result.get(), 5);
}

// mirrors CPython test_wrapped_exception
TEST_P(submit, throws_the_original_exception) {
  struct special : std::runtime_error {
    special() : std::runtime_error("special"), number(42) {}
    int number;
  };
  auto pool = make_pool();
  try {
    pool.submit([]() -> int { throw special(); }).get();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const special& e) {
    EXPECT_EQ(e.number, 42);
  }
  EXPECT_THROW(pool.submit([] { throw 7; }).get(), int);
}

// mirrors CPython test_unpickleable_result (workers are not lost by failing jobs)
TEST_P(submit, workers_survive_any_number_of_errors) {
  auto pool = make_pool();
  for (int i = 0; i < 200; ++i) {
    EXPECT_THROW(pool.submit([] { throw std::runtime_error("fail"); }).get(), std::runtime_error);
  }
  EXPECT_EQ(pool.submit(square, 3).get(), 9);
}

TEST_P(submit, runs_each_of_many_jobs_exactly_once) {
  auto pool = make_pool();
  constexpr int jobs = 5000;
  std::vector<int> runs(jobs, 0);
  std::vector<filch::future<int>> results;
  for (int i = 0; i < jobs; ++i) {
    results.push_back(pool.submit([&runs, i] { return ++runs[static_cast<std::size_t>(i)] + i; }));
  }
  for (int i = 0; i < jobs; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i + 1);
  for (const int n : runs) EXPECT_EQ(n, 1);
}

TEST_P(submit, takes_jobs_from_many_threads_at_once) {
  auto pool = make_pool();
  constexpr int threads = 4;
  constexpr int jobs = 500;
  std::vector<long> sums(threads, 0);
  {
    std::vector<std::jthread> callers;
    for (int t = 0; t < threads; ++t) {
      callers.emplace_back([&pool, &sum = sums[static_cast<std::size_t>(t)]] {
        std::vector<filch::future<int>> mine;
        for (int i = 0; i < jobs; ++i) mine.push_back(pool.submit([i] { return i; }));
        for (auto& f : mine) sum += f.get();
      });
    }
  }
  for (const long sum : sums) EXPECT_EQ(sum, long{jobs} * (jobs - 1) / 2);
}

TEST_P(submit, sees_what_its_caller_wrote_and_shows_what_it_wrote) {
  auto pool = make_pool();
  for (unsigned i = 0; i < 300; ++i) {
    filch_test::plain_payload in(i);
    filch_test::plain_payload out;
    auto job = pool.submit([&] {
      const bool whole = in.is(i);
      out = filch_test::plain_payload(i + 1);
      return whole;
    });
    EXPECT_TRUE(job.get());
    EXPECT_TRUE(out.is(i + 1));
  }
}

TEST_P(submit, works_from_inside_a_job) {
  auto pool = make_pool();
  const auto nested = [&] {
    return pool.submit([&] { return pool.submit(square, 4).get() + 1; }).get();
  };
  EXPECT_EQ(pool.submit(nested).get(), 17);
}

// mirrors CPython test_saturation
TEST_P(submit, queues_fifteen_times_the_workers) {
  auto pool = make_pool();
  std::vector<filch::future<int>> results;
  {
    const busy_workers held(pool, workers());
    for (int i = 0; i < static_cast<int>(15 * width()); ++i) {
      results.push_back(pool.submit(square, i));
    }
    for (const auto& r : results) EXPECT_FALSE(r.ready());
  }
  for (int i = 0; i < static_cast<int>(results.size()); ++i) {
    EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  }
  EXPECT_EQ(pool.stats().workers, workers());
}

// mirrors CPython test_no_stale_references, test_release_task_refs
TEST_P(submit, keeps_nothing_alive_when_the_job_has_run) {
  auto pool = make_pool();
  auto kept = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = kept;
  auto result = pool.submit([kept] { return *kept; });
  kept.reset();
  EXPECT_EQ(result.get(), 1);
  EXPECT_TRUE(eventually([&] { return watch.expired(); })) << "while the future still lives";
}

TEST_P(submit, keeps_nothing_alive_after_an_error_or_a_cancellation) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  auto failed = pool.submit([](counted) { throw std::runtime_error("fail"); }, counted(1));
  EXPECT_THROW(failed.get(), std::runtime_error);
  const busy_workers held(pool, workers());
  auto gone = pool.submit([](counted c) { return c; }, counted(2));
  EXPECT_TRUE(gone.cancel());
}

TEST_P(submit, destroys_a_result_nobody_takes) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  {
    auto dropped = pool.submit([] { return counted(1); });
  }
  auto ready = pool.submit([] { return counted(2); });
  ready.wait();
}

// ---- errors of the call itself

TEST_P(submit, a_throwing_copy_leaves_nothing_queued_or_counted) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  const filch_test::throwing_copy payload(1);
  {
    const filch_test::fail_copies_after none(0);
    EXPECT_THROW((void)pool.submit([payload_copy = &payload](
                                       const auto& p) { return p.value + payload_copy->value; },
                                   payload),
                 filch_test::copy_failed);
    EXPECT_THROW(pool.post([](const auto&) {}, payload), filch_test::copy_failed);
    EXPECT_THROW(
        (void)pool.submit_after(1ms, [](const auto&) {}, payload), filch_test::copy_failed);
  }
  EXPECT_EQ(pool.submit(square, 2).get(), 4);
  pool.close();
  pool.join();  // returns only if nothing was counted
}

TEST_P(submit, a_throwing_copy_of_the_callable_leaves_nothing_counted) {
  auto pool = make_pool();
  auto call = [payload = filch_test::throwing_copy(1)] { return payload.value; };
  {
    const filch_test::fail_copies_after none(0);
    EXPECT_THROW((void)pool.submit(call), filch_test::copy_failed);
  }
  EXPECT_EQ(pool.submit(call).get(), 1);
  pool.close();
  pool.join();
}

TEST_P(submit, a_throwing_move_of_the_result_is_the_jobs_error) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  filch_test::throwing_move source(1);
  const filch_test::fail_moves_after none(0);
  auto result = pool.submit([&]() -> filch_test::throwing_move { return std::move(source); });
  EXPECT_THROW((void)result.get(), filch_test::copy_failed);
}

TEST_P(submit, jobs_from_outside_begin_in_their_order_on_one_worker) {
  auto pool = make_pool_of(1);
  std::vector<int> order;
  {
    std::optional<busy_workers> first;
    if (pool.workers() != 0) first.emplace(pool, 1);
    for (int i = 0; i < 1000; ++i) pool.post([&order, i] { order.push_back(i); });
  }
  pool.submit([] {}).get();
  pool.close();
  pool.join();
  ASSERT_EQ(order.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_P(submit, jobs_from_outside_are_not_starved_by_jobs_that_make_jobs) {
  FILCH_NEEDS_CONCURRENT();
  std::atomic<bool> other_ran{false};
  std::function<void()> again;
  auto pool = make_pool_of(1);
  again = [&] {
    if (!other_ran) pool.post(again);
  };
  {
    const busy_workers first(pool, 1);  // both are queued when the worker looks
    pool.post(again);
    pool.post([&] { other_ran = true; });
  }
  while (!other_ran) std::this_thread::yield();
}

TEST_P(submit, running_out_of_memory_leaves_the_pool_usable) {
  auto pool = make_pool();
  pool.submit(square, 1).get();
  int refused = 0;
  for (int n = 0; n < 30; ++n) {
    filch::future<int> result;
    try {
      const filch_test::fail_new_after memory(n);
      // Larger than the blocks that are kept for jobs to come, which need no memory.
      result = pool.submit([n, text = std::array<char, 2000>()] { return n + text[0]; });
    } catch (const std::bad_alloc&) {
      ++refused;
      continue;
    }
    EXPECT_EQ(result.get(), n);
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(pool.submit(square, 3).get(), 9);
  pool.close();
  pool.join();
}

TEST_P(submit, running_out_of_memory_in_post_and_submit_after_leaves_the_pool_usable) {
  auto pool = make_pool();
  std::atomic<int> ran{0};
  int accepted = 0;
  for (int n = 0; n < 30; ++n) {
    try {
      const filch_test::fail_new_after memory(n);
      pool.post([&ran] { ++ran; });
      ++accepted;
    } catch (const std::bad_alloc&) {
    }
    filch::future<void> later;
    try {
      const filch_test::fail_new_after memory(n);
      later = pool.submit_after(1us, [&ran] { ++ran; });
      ++accepted;
    } catch (const std::bad_alloc&) {
    } catch (const filch::no_thread&) {
      // no memory for the timer's thread is no thread
    }
  }
  pool.close();
  pool.join();
  EXPECT_EQ(ran, accepted);
}

// ---- post

TEST_P(submit, posted_jobs_run_before_the_pool_ends) {
  std::atomic<int> ran{0};
  {
    auto pool = make_pool();
    for (int i = 0; i < 100; ++i) pool.post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

TEST_P(submit, an_error_of_a_posted_job_reaches_on_unhandled_once) {
  unhandled_errors errors;
  {
    auto pool = make_pool({.on_unhandled = errors.handler()});
    pool.post([] { throw std::runtime_error("posted"); });
    pool.post([] {});
    pool.close();
    pool.join();
    EXPECT_EQ(pool.stats().unhandled, 1U);
  }
  ASSERT_EQ(errors.count(), 1U);
  EXPECT_EQ(errors.text(0), "posted");
}

TEST_P(submit, without_a_handler_a_posted_error_is_printed_and_counted) {
  testing::internal::CaptureStderr();
  {
    auto pool = make_pool();
    pool.post([] { throw std::runtime_error("nobody waits for me"); });
    pool.close();
    pool.join();
    EXPECT_EQ(pool.stats().unhandled, 1U);
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("nobody waits for me"), std::string::npos);
}

TEST_P(submit, a_throwing_on_unhandled_ends_nothing) {
  testing::internal::CaptureStderr();
  {
    auto pool = make_pool({.on_unhandled = [](std::exception_ptr) { throw 1; }});
    pool.post([] { throw std::runtime_error("posted"); });
    EXPECT_EQ(pool.submit(square, 2).get(), 4);
  }
  testing::internal::GetCapturedStderr();
}

TEST_P(submit, a_cancelled_posted_job_is_no_error) {
  unhandled_errors errors;
  {
    auto pool = make_pool({.on_unhandled = errors.handler()});
    pool.post([] { throw filch::cancelled(); });
  }
  EXPECT_EQ(errors.count(), 0U);
}

// ---- submit_after

TEST_P(submit, a_delayed_job_never_runs_early) {
  auto pool = make_pool();
  const auto start = std::chrono::steady_clock::now();
  auto when = pool.submit_after(30ms, [] { return std::chrono::steady_clock::now(); });
  EXPECT_GE(when.get() - start, 30ms);
}

TEST_P(submit, delayed_jobs_run_in_the_order_of_their_times) {
  auto pool = make_pool_of(1);
  std::vector<int> order;
  auto last = pool.submit_after(120ms, [&] { order.push_back(3); });
  auto first = pool.submit_after(10ms, [&] { order.push_back(1); });
  auto second = pool.submit_after(60ms, [&] { order.push_back(2); });
  first.wait();
  second.wait();
  last.wait();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST_P(submit, a_delay_of_nothing_or_less_means_now) {
  auto pool = make_pool();
  EXPECT_EQ(pool.submit_after(0s, square, 2).get(), 4);
  EXPECT_EQ(pool.submit_after(-1h, square, 3).get(), 9);
  EXPECT_EQ(pool.submit_after(std::chrono::nanoseconds::min(), square, 4).get(), 16);
}

TEST_P(submit, a_cancelled_delayed_job_never_runs) {
  auto pool = make_pool();
  bool ran = false;
  auto later = pool.submit_after(1h, [&] { ran = true; });
  EXPECT_TRUE(later.cancel());
  EXPECT_THROW(later.get(), filch::cancelled);
  pool.close();
  pool.join();  // does not wait for the hour
  EXPECT_FALSE(ran);
}

TEST_P(submit, a_delayed_job_is_accepted_work) {
  bool ran = false;
  {
    auto pool = make_pool();
    auto later = pool.submit_after(30ms, [&] { ran = true; });
  }
  EXPECT_TRUE(ran);
}

TEST_P(submit, a_delay_beyond_the_clock_means_never) {
  auto pool = make_pool();
  auto never = pool.submit_after(std::chrono::hours::max(), square, 1);
  EXPECT_FALSE(never.wait_for(5ms));
  EXPECT_TRUE(never.cancel());
}

// ---- options

TEST_P(submit, a_job_stopped_before_it_starts_never_runs) {
  auto pool = make_pool();
  std::stop_source source;
  source.request_stop();
  bool ran = false;
  auto result = pool.with({.stop = source.get_token()}).submit([&] { ran = true; });
  EXPECT_THROW(result.get(), filch::cancelled);
  EXPECT_FALSE(ran);
}

TEST_P(submit, a_users_stop_reaches_the_running_job) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  std::stop_source source;
  std::atomic<bool> started{false};
  auto result = pool.with({.stop = source.get_token()}).submit([&](std::stop_token token) {
    started = true;
    while (!token.stop_requested()) std::this_thread::yield();
    return 3;
  });
  EXPECT_TRUE(eventually([&] { return started.load(); }));
  source.request_stop();
  EXPECT_EQ(result.get(), 3) << "a value that is returned all the same wins";
}

TEST_P(submit, a_time_limit_stops_the_job_and_names_itself) {
  auto pool = make_pool();
  auto result = pool.with({.lane = filch::lane::io, .timeout = 20ms}).submit([](std::stop_token t) {
    while (!t.stop_requested()) std::this_thread::yield();
  });
  EXPECT_THROW(result.get(), filch::timed_out);
}

TEST_P(submit, a_time_limit_that_is_not_reached_changes_nothing) {
  auto pool = make_pool();
  EXPECT_EQ(pool.with({.timeout = 1h}).submit(square, 6).get(), 36);
  pool.close();
  pool.join();  // does not wait for the hour
}

TEST_P(submit, a_job_that_did_not_start_in_time_never_runs) {
  auto pool = make_pool();
  bool ran = false;
  busy_workers held(pool, workers());
  auto result = pool.with({.timeout = 10ms}).submit([&] { ran = true; });
  EXPECT_TRUE(result.wait_for(10s));
  held.release();
  EXPECT_THROW(result.get(), filch::timed_out);
  EXPECT_FALSE(ran);
}

TEST_P(submit, a_view_outlives_its_pool_and_then_refuses) {
  auto pool = make_heap_pool();
  const auto view = pool->with({.name = "later"});
  EXPECT_EQ(view.submit(square, 2).get(), 4);
  pool.reset();
  EXPECT_THROW((void)view.submit(square, 2), filch::pool_closed);
}

}  // namespace
