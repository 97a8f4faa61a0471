#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <filch/pool.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>
#include <filch/when.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::counted;
using filch_test::gate;
using filch_test::ledger;
using filch_test::move_only;
using filch_test::no_leaks;
using indices = std::vector<std::size_t>;

FILCH_CONFORMANCE(when);

/// `n` futures of their indices.
std::vector<filch::future<int>> some(const filch::pool& pool, int n) {
  std::vector<filch::future<int>> out;
  for (int i = 0; i < n; ++i) out.push_back(pool.submit([i] { return i; }));
  return out;
}

filch::future<int> failing(const filch::pool& pool, const char* text) {
  return pool.submit([text]() -> int { throw std::runtime_error(text); });
}

/// A future that ends when the gate opens.
filch::future<int> held(const filch::pool& pool, gate& door) {
  return pool.with({.lane = filch::lane::io}).submit([&door] {
    door.wait();
    return 1;
  });
}

void finish(filch::future<int>& f) { f.wait(); }

// ---- when_all ---------------------------------------------------------------------------------

TEST_P(when, all_gives_the_values_of_a_list_in_order) {
  auto pool = make_pool();
  auto all = filch::when_all(some(pool, 50));
  const auto values = all.get();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i);
}

TEST_P(when, all_gives_a_tuple_of_different_types) {
  auto pool = make_pool();
  int x = 3;
  auto all = filch::when_all(pool.submit([] { return 1; }), pool.submit([] {}),
                             pool.submit([&]() -> int& { return x; }),
                             pool.submit([] { return std::make_unique<std::string>("moved"); }));
  auto [one, nothing, reference, text] = all.get();
  (void)nothing;
  EXPECT_EQ(one, 1);
  EXPECT_EQ(&reference.get(), &x);
  EXPECT_EQ(*text, "moved");
}

TEST_P(when, all_of_nothing_is_ready) {
  auto all = filch::when_all(std::vector<filch::future<int>>());
  EXPECT_TRUE(all.ready());
  EXPECT_TRUE(all.get().empty());
}

TEST_P(when, all_of_voids_is_a_future_of_void) {
  auto pool = make_pool();
  std::atomic<int> ran{0};
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(pool.submit([&] { ++ran; }));
  filch::when_all(std::move(jobs)).get();
  EXPECT_EQ(ran, 10);
}

TEST_P(when, all_throws_the_error_of_the_lowest_index_after_all_have_ended) {
  gate door;
  auto pool = make_pool();
  auto late = held(pool, door);
  std::vector<filch::future<int>> parts;
  parts.push_back(pool.submit([] { return 0; }));
  parts.push_back(failing(pool, "lowest"));
  parts.push_back(std::move(late));
  parts.push_back(failing(pool, "higher"));
  for (auto i : {1U, 3U}) parts[i].wait();
  auto all = filch::when_all(std::move(parts));
  EXPECT_FALSE(all.ready());
  door.open();
  try {
    (void)all.get();
    ADD_FAILURE() << "no error";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "lowest");
  }
  EXPECT_EQ(pool.stats().suppressed, 1U);
  EXPECT_EQ(pool.stats().unhandled, 0U);
}

TEST_P(when, all_runs_what_has_not_started_when_it_is_waited_for_in_a_pool_of_one) {
  auto pool = make_pool_of(1);
  const int sum = pool.submit([&pool] {
                        const auto values = filch::when_all(some(pool, 20)).get();
                        return std::accumulate(values.begin(), values.end(), 0);
                      })
                      .get();
  EXPECT_EQ(sum, 190);
}

TEST_P(when, all_takes_futures_of_a_closed_pool) {
  auto pool = make_pool();
  auto parts = some(pool, 5);
  pool.close();
  EXPECT_EQ(filch::when_all(std::move(parts)).get().size(), 5U);
  pool.join();
}

TEST_P(when, all_takes_futures_of_several_pools) {
  auto one = make_pool();
  auto other = make_pool_of(1);
  auto [a, b] = filch::when_all(one.submit([] { return 1; }), other.submit([] { return 2; })).get();
  EXPECT_EQ(a + b, 3);
}

TEST_P(when, all_is_cancelled_by_cancelling_its_parts) {
  auto pool = make_pool();
  filch_test::busy_workers busy(pool, workers());
  auto all = filch::when_all(some(pool, 5));
  EXPECT_TRUE(all.cancel());
  busy.release();
  EXPECT_THROW((void)all.get(), filch::cancelled);
}

TEST_P(when, all_continues_with_then_and_nests) {
  auto pool = make_pool();
  auto both = filch::when_all(filch::when_all(some(pool, 3)), filch::when_all(some(pool, 4)));
  auto total =
      both.then([](auto parts) { return std::get<0>(parts).size() + std::get<1>(parts).size(); });
  EXPECT_EQ(total.get(), 7U);
}

TEST_P(when, all_moves_values_and_leaves_none_behind) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<filch::future<move_only>> parts;
  for (int i = 0; i < 5; ++i) parts.push_back(pool.submit([i] { return move_only(i); }));
  EXPECT_EQ(filch::when_all(std::move(parts)).get()[4].value, 4);
}

TEST_P(when, all_refuses_a_future_without_a_result) {
  std::vector<filch::future<int>> parts(1);
  EXPECT_THROW((void)filch::when_all(std::move(parts)), filch::no_result);
}

// ---- when_any ---------------------------------------------------------------------------------

TEST_P(when, any_gives_the_index_of_the_first_to_end) {
  gate door;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts;
  parts.push_back(held(pool, door));
  EXPECT_TRUE(door.wait_for_visitors(1));
  parts.push_back(pool.submit([] { return 5; }));
  finish(parts[1]);
  EXPECT_EQ(filch::when_any(parts).get(), 1U);
  EXPECT_EQ(parts[1].get(), 5) << "it is still there to be read";
  door.open();
  EXPECT_EQ(parts[0].get(), 1);
}

TEST_P(when, any_waits_for_one_that_ends_later) {
  gate early;
  gate late;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts;
  parts.push_back(held(pool, late));
  parts.push_back(held(pool, early));
  auto first = filch::when_any(std::span(parts));
  EXPECT_FALSE(first.ready());
  early.open();
  EXPECT_EQ(first.get(), 1U);
  late.open();
}

TEST_P(when, any_counts_a_failure_as_an_end) {
  gate door;
  auto pool = make_pool();
  auto slow = held(pool, door);
  auto bad = failing(pool, "ends");
  finish(bad);
  EXPECT_EQ(filch::when_any(slow, bad).get(), 1U);
  EXPECT_THROW(bad.get(), std::runtime_error);
  door.open();
}

TEST_P(when, any_prefers_the_lowest_of_those_that_have_ended) {
  auto pool = make_pool();
  auto parts = some(pool, 4);
  for (auto& part : parts) finish(part);
  EXPECT_EQ(filch::when_any(parts).get(), 0U);
}

TEST_P(when, any_runs_one_that_has_not_started_when_it_is_waited_for_in_a_pool_of_one) {
  auto pool = make_pool_of(1);
  const auto first = pool.submit([&pool] {
                           auto parts = some(pool, 3);
                           return filch::when_any(parts).get();
                         })
                         .get();
  EXPECT_LT(first, 3U);
}

TEST_P(when, any_of_nothing_is_refused) {
  std::vector<filch::future<int>> none;
  EXPECT_THROW((void)filch::when_any(none), std::invalid_argument);
}

// ---- wait -------------------------------------------------------------------------------------

// mirrors CPython test_wait: test_all_completed
TEST_P(when, wait_returns_when_all_have_ended) {
  auto pool = make_pool();
  auto parts = some(pool, 4);
  parts.push_back(failing(pool, "counts as ended"));
  const auto result = filch::wait(parts);
  EXPECT_EQ(result.done, (indices{0, 1, 2, 3, 4}));
  EXPECT_TRUE(result.pending.empty());
  EXPECT_THROW(parts[4].get(), std::runtime_error);
}

// mirrors CPython test_wait: test_first_completed
TEST_P(when, wait_for_the_first_returns_when_one_has_ended) {
  gate door;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts;
  parts.push_back(held(pool, door));
  EXPECT_TRUE(door.wait_for_visitors(1));
  parts.push_back(pool.submit([] { return 5; }));
  if (!concurrent()) finish(parts[1]);
  const auto result = filch::wait(parts, filch::until::first_completed);
  EXPECT_EQ(result.done, indices{1});
  EXPECT_EQ(result.pending, indices{0});
  door.open();
}

// mirrors CPython test_wait: test_first_completed_some_already_completed
TEST_P(when, wait_for_the_first_returns_at_once_if_one_has_ended_already) {
  gate door;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts;
  parts.push_back(pool.submit([] { return 5; }));
  finish(parts[0]);
  parts.push_back(held(pool, door));
  EXPECT_EQ(filch::wait(parts, filch::until::first_completed).done, indices{0});
  door.open();
}

// mirrors CPython test_wait: test_first_exception
TEST_P(when, wait_for_an_error_returns_when_one_has_failed) {
  gate door;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts;
  parts.push_back(pool.submit([] { return 5; }));
  parts.push_back(held(pool, door));
  parts.push_back(failing(pool, "seen"));
  if (!concurrent()) finish(parts[2]);
  const auto result = filch::wait(parts, filch::until::first_error);
  EXPECT_TRUE(std::ranges::count(result.done, 2U));
  EXPECT_EQ(result.pending, indices{1});
  door.open();
  EXPECT_THROW(parts[2].get(), std::runtime_error);
}

// mirrors CPython test_wait: test_first_exception_one_already_failed
TEST_P(when, wait_for_an_error_returns_at_once_if_one_has_failed_already) {
  gate door;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts;
  parts.push_back(failing(pool, "seen"));
  finish(parts[0]);
  parts.push_back(held(pool, door));
  EXPECT_EQ(filch::wait(parts, filch::until::first_error).done, indices{0});
  door.open();
  EXPECT_THROW(parts[0].get(), std::runtime_error);
}

TEST_P(when, wait_for_an_error_waits_for_all_if_none_fails) {
  auto pool = make_pool();
  auto parts = some(pool, 5);
  EXPECT_EQ(filch::wait(parts, filch::until::first_error).done.size(), 5U);
}

// mirrors CPython test_wait: test_timeout
TEST_P(when, wait_tells_who_is_pending_at_the_limit) {
  auto pool = make_pool();
  for (const auto what : {filch::until::all, filch::until::first_error}) {
    gate door;
    std::vector<filch::future<int>> parts;
    parts.push_back(pool.submit([] { return 5; }));
    finish(parts[0]);
    parts.push_back(held(pool, door));
    const auto result = filch::wait(parts, what, 20ms);
    EXPECT_EQ(result.done, indices{0});
    EXPECT_EQ(result.pending, indices{1});
    door.open();
    finish(parts[1]);
  }
}

TEST_P(when, wait_of_nothing_returns_at_once) {
  std::vector<filch::future<int>> none;
  EXPECT_TRUE(filch::wait(none).done.empty());
  EXPECT_TRUE(filch::wait(none, filch::until::first_completed).done.empty());
}

// mirrors CPython test_wait: test_pending_calls_race
TEST_P(when, wait_does_not_miss_an_end_while_it_begins) {
  auto pool = make_pool();
  for (int round = 0; round < 200; ++round) {
    auto parts = some(pool, 3);
    EXPECT_FALSE(filch::wait(parts, filch::until::first_completed).done.empty());
  }
}

// ---- as_completed -----------------------------------------------------------------------------

// mirrors CPython test_as_completed: test_no_timeout, test_duplicate_futures
TEST_P(when, as_completed_tells_each_index_once) {
  auto pool = make_pool();
  auto parts = some(pool, 50);
  std::set<std::size_t> seen;
  for (const auto i : filch::as_completed(parts)) {
    EXPECT_TRUE(seen.insert(i).second);
    EXPECT_TRUE(parts[i].ready());
    EXPECT_EQ(parts[i].get(), static_cast<int>(i));
  }
  EXPECT_EQ(seen.size(), 50U);
}

TEST_P(when, as_completed_tells_the_early_before_the_late) {
  gate door;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts;
  parts.push_back(held(pool, door));
  EXPECT_TRUE(door.wait_for_visitors(1));
  for (int i = 0; i < 3; ++i) {
    parts.push_back(pool.submit([i] { return i; }));
    finish(parts.back());
  }
  auto order = filch::as_completed(parts);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(order.next(), static_cast<std::size_t>(i));
  door.open();
  EXPECT_EQ(order.next(), 0U);
  EXPECT_EQ(order.next(), std::nullopt);
}

// mirrors CPython test_as_completed: test_future_times_out, test_correct_timeout_exception_msg
TEST_P(when, as_completed_says_how_many_were_missing_at_the_limit) {
  gate door;
  auto pool = make_pool();
  std::vector<filch::future<int>> parts = some(pool, 2);
  for (auto& part : parts) finish(part);
  parts.push_back(held(pool, door));
  parts.push_back(held(pool, door));
  auto order = filch::as_completed(parts, 20ms);
  EXPECT_EQ(order.next(), 0U);
  EXPECT_EQ(order.next(), 1U);
  try {
    (void)order.next();
    ADD_FAILURE() << "no timeout";
  } catch (const filch::timed_out& error) {
    EXPECT_NE(std::string(error.what()).find("2 (of 4) futures"), std::string::npos);
  }
  door.open();
}

// mirrors CPython test_as_completed: test_free_reference_yielded_future
TEST_P(when, as_completed_lets_go_of_what_it_has_told) {
  const no_leaks check;
  auto pool = make_pool();
  const long before = ledger::global().live;
  std::vector<filch::future<counted>> parts;
  for (int i = 0; i < 3; ++i) {
    parts.push_back(pool.submit([i] { return counted(i); }));
    parts.back().wait();
  }
  auto order = filch::as_completed(parts);
  for (long left = 2; const auto i : order) {
    parts[i] = {};
    EXPECT_TRUE(filch_test::eventually([&] { return ledger::global().live == before + left; }));
    --left;
  }
}

TEST_P(when, as_completed_works_inside_a_job_of_a_pool_of_one) {
  auto pool = make_pool_of(1);
  const int sum = pool.submit([&pool] {
                        auto parts = some(pool, 20);
                        int total = 0;
                        for (const auto i : filch::as_completed(parts)) total += parts[i].get();
                        return total;
                      })
                      .get();
  EXPECT_EQ(sum, 190);
}

}  // namespace
