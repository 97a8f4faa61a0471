#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <filch/imap.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/input_range.hpp"
#include "support/throwing_range.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::counted;
using filch_test::endless_input;
using filch_test::eventually;
using filch_test::failing;
using filch_test::gate;
using filch_test::input_range;
using filch_test::ledger;
using filch_test::move_only;
using filch_test::no_leaks;
using filch_test::peak;
using filch_test::range_failed;
using filch_test::throwing_range;

FILCH_CONFORMANCE(imap_unordered);

static_assert(std::ranges::input_range<filch::stream<filch::indexed_value<std::unique_ptr<int>>>>);

int square(int x) { return x * x; }

std::vector<int> numbers(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

void wait_for_stop() {
  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
}

/// Reads `stream` to its end; checks that it yields the square of each of 0 .. n-1 once, under its
/// index.
template <class Stream>
void expect_squares(Stream&& stream, std::size_t n) {
  std::set<std::size_t> seen;
  for (auto&& [index, value] : stream) {
    EXPECT_TRUE(seen.insert(index).second) << index << " came twice";
    EXPECT_EQ(value, square(static_cast<int>(index)));
  }
  EXPECT_EQ(seen.size(), n);
}

// mirrors CPython test_imap_unordered
TEST_P(imap_unordered, yields_each_result_once_with_its_index) {
  auto pool = make_pool();
  expect_squares(pool.imap_unordered(square, numbers(1000)), 1000);
  expect_squares(pool.imap_unordered(square, numbers(100), {.buffer = 1}), 100);
}

// mirrors CPython test_empty_iterable
TEST_P(imap_unordered, of_nothing_is_over_at_once) {
  auto pool = make_pool();
  EXPECT_FALSE(pool.imap_unordered(square, std::vector<int>()).next());
}

TEST_P(imap_unordered, yields_what_is_ready_before_what_is_slow) {
  gate slow;
  auto pool = make_pool();
  auto stream = pool.imap_unordered(
      [&](int x) {
        if (x == 0) slow.wait();
        return x;
      },
      numbers(10), {.buffer = 10, .lane = filch::lane::io});
  for (int i = 1; i < 10; ++i) EXPECT_NE(stream.next()->index, 0U);
  slow.open();
  EXPECT_EQ(stream.next()->index, 0U);
  EXPECT_FALSE(stream.next());
}

TEST_P(imap_unordered, of_a_void_callable_yields_indices) {
  auto pool = make_pool();
  std::set<std::size_t> seen;
  for (auto&& [index, nothing] : pool.imap_unordered([](int) {}, numbers(9))) {
    static_assert(std::is_same_v<std::remove_cvref_t<decltype(nothing)>, std::monostate>);
    seen.insert(index);
  }
  EXPECT_EQ(seen.size(), 9U);
}

TEST_P(imap_unordered, moves_move_only_elements_in_and_results_out) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<move_only> input;
  for (int i = 0; i < 10; ++i) input.emplace_back(i);
  int total = 0;
  for (auto result : pool.imap_unordered([](move_only x) { return x; }, std::move(input))) {
    EXPECT_EQ(result.value.value, static_cast<int>(result.index));
    total += result.value.value;
  }
  EXPECT_EQ(total, 45);
}

// mirrors mpi4py test_istarmap_unordered
TEST_P(imap_unordered, with_star_spreads_tuples_over_the_arguments) {
  auto pool = make_pool();
  const auto xs = numbers(30);
  expect_squares(pool.istarmap_unordered([](int a, int b) { return a * b; }, filch::zip(xs, xs)),
                 30);
}

// mirrors CPython test_map_buffersize
TEST_P(imap_unordered, starts_as_many_as_the_buffer_holds_and_one_more_for_each_taken) {
  for (const std::size_t buffer : {1U, 5U, 10U}) {
    auto pool = make_pool();
    endless_input input;
    auto stream = pool.imap_unordered(square, std::views::all(input), {.buffer = buffer});
    for (std::size_t taken = 0; taken < 20; ++taken) {
      EXPECT_EQ(input.steps() + 1, buffer + taken);
      EXPECT_LT(stream.next()->index, buffer + taken);
    }
  }
}

TEST_P(imap_unordered, reads_its_input_on_the_consuming_thread_only) {
  auto pool = make_pool();
  input_range<int> input(numbers(200));
  expect_squares(pool.imap_unordered(square, std::views::all(input), {.buffer = 16}), 200);
  EXPECT_TRUE(input.advanced_by_its_maker_only());
}

TEST_P(imap_unordered, runs_no_more_at_once_than_in_flight_allows) {
  auto pool = make_pool();
  peak running;
  expect_squares(pool.imap_unordered(
                     [&](int x) {
                       running.enter();
                       std::this_thread::sleep_for(1ms);
                       running.leave();
                       return square(x);
                     },
                     numbers(30), {.buffer = 20, .in_flight = 2, .lane = filch::lane::io}),
                 30);
  EXPECT_LE(running.most(), 2);
}

TEST_P(imap_unordered, raises_an_error_at_its_element_and_goes_on) {
  auto pool = make_pool();
  auto stream = pool.imap_unordered(
      [](int x) {
        if (x % 3 == 0) throw std::runtime_error("third");
        return x;
      },
      numbers(30), {.buffer = 7});
  int good = 0;
  int bad = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it) {
    try {
      EXPECT_EQ((*it).value, static_cast<int>((*it).index));
      ++good;
    } catch (const std::runtime_error&) {
      ++bad;
    }
  }
  EXPECT_EQ(good, 20);
  EXPECT_EQ(bad, 10);
}

// mirrors CPython test_imap_unordered_handle_iterable_exception
TEST_P(imap_unordered, raises_an_error_of_its_input_after_all_elements_before_it_and_ends) {
  for (const std::size_t at : {0U, 1U, 7U}) {
    auto pool = make_pool();
    auto stream =
        pool.imap_unordered(square, throwing_range<>(10, at, failing::dereference), {.buffer = 3});
    std::set<std::size_t> seen;
    for (std::size_t i = 0; i < at; ++i) seen.insert(stream.next()->index);
    EXPECT_EQ(seen.size(), at);
    EXPECT_THROW(stream.next(), range_failed);
    EXPECT_FALSE(stream.next());
  }
}

TEST_P(imap_unordered, raises_timed_out_for_elements_that_take_too_long_and_goes_on) {
  auto pool = make_pool();
  auto stream = pool.imap_unordered(
      [](int x) {
        if (x == 1) wait_for_stop();
        return x;
      },
      numbers(4), {.timeout_each = 30ms});
  int good = 0;
  int late = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it) {
    try {
      EXPECT_NE((*it).index, 1U);
      ++good;
    } catch (const filch::timed_out&) {
      ++late;
    }
  }
  EXPECT_EQ(good, 3);
  EXPECT_EQ(late, 1);
}

TEST_P(imap_unordered, never_ends_early_in_silence_when_it_is_stopped) {
  auto pool = make_pool();
  std::stop_source stop;
  auto stream =
      pool.imap_unordered(square, std::views::iota(0), {.buffer = 4, .stop = stop.get_token()});
  EXPECT_TRUE(stream.next());
  stop.request_stop();
  EXPECT_THROW(while (stream.next()){}, filch::cancelled);
  EXPECT_FALSE(stream.next());
}

TEST_P(imap_unordered, stops_what_runs_and_frees_all_when_it_is_destroyed_half_read) {
  const long before = ledger::global().live;
  auto pool = make_pool();
  std::atomic<int> running{0};
  {
    auto stream = pool.imap_unordered(
        [&, held = counted(1)](int x) {
          ++running;
          if (x > 0) wait_for_stop();
          --running;
          return counted(x);
        },
        std::views::iota(0), {.buffer = 4, .lane = filch::lane::io});
    EXPECT_EQ(stream.next()->index, 0U);
  }
  EXPECT_EQ(running, 0);
  EXPECT_EQ(ledger::global().live, before);
}

// the regression of CPython #155477
TEST_P(imap_unordered, half_read_keeps_no_pool_from_ending) {
  auto pool = make_heap_pool();
  auto stream = pool->imap_unordered(square, std::views::iota(0), {.buffer = 4});
  EXPECT_TRUE(stream.next());
  pool->close();
  pool->join();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(stream.next()) << "accepted before the end";
  EXPECT_THROW(stream.next(), filch::pool_closed);
  EXPECT_FALSE(stream.next());
}

TEST_P(imap_unordered, goes_on_to_its_end_after_close) {
  auto pool = make_pool();
  auto stream = pool.imap_unordered(square, numbers(200), {.buffer = 2});
  pool.close();
  expect_squares(stream, 200);
  pool.join();
}

TEST_P(imap_unordered, tells_which_element_it_was_that_failed) {
  auto pool = make_pool();
  auto all = pool.imap_unordered(
      [](int x) { return x % 3 == 0 ? throw std::runtime_error("a third") : x; }, numbers(12));
  EXPECT_EQ(all.index(), std::nullopt);
  std::vector<std::size_t> failed;
  for (;;) {
    try {
      const auto one = all.next();
      if (!one) break;
      EXPECT_EQ(all.index(), one->index);
    } catch (const std::runtime_error&) {
      failed.push_back(all.index().value());
    }
  }
  EXPECT_EQ(all.index(), std::nullopt);
  std::sort(failed.begin(), failed.end());
  EXPECT_EQ(failed, (std::vector<std::size_t>{0, 3, 6, 9}));
}

TEST_P(imap_unordered, is_consumed_inside_a_job_of_a_pool_of_one) {
  auto pool = make_pool_of(1);
  auto sum = pool.submit([&pool] {
    int total = 0;
    for (auto&& [index, value] : pool.imap_unordered(square, numbers(50), {.buffer = 4})) {
      total += value;
    }
    return total;
  });
  EXPECT_EQ(sum.get(), 40425);
}

TEST_P(imap_unordered, may_be_used_inside_its_own_callable) {
  auto pool = make_pool();
  int total = 0;
  for (auto&& [index, value] : pool.imap_unordered(
           [&pool](int n) {
             int sum = 0;
             for (auto&& [i, x] : pool.imap_unordered(square, numbers(n))) sum += x;
             return sum;
           },
           std::vector{1, 5, 10, 20}, {.buffer = 2})) {
    total += value;
  }
  EXPECT_EQ(total, 0 + 30 + 285 + 2470);
}

}  // namespace
