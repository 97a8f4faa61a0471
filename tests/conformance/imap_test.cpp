#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <list>
#include <memory>
#include <numeric>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
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

FILCH_CONFORMANCE(imap);

static_assert(std::ranges::input_range<filch::stream<int>>);
static_assert(std::ranges::input_range<filch::stream<std::unique_ptr<int>>>);
static_assert(std::ranges::input_range<filch::stream<int&>>);
static_assert(!std::is_copy_constructible_v<filch::stream<int>>);
static_assert(std::is_nothrow_move_constructible_v<filch::stream<int>>);

struct odd_failed : std::runtime_error {
  explicit odd_failed(int x) : std::runtime_error(std::to_string(x)), value(x) {}
  int value;
};

int square(int x) { return x * x; }
int refuse_odd(int x) {
  if (x % 2 != 0) throw odd_failed(x);
  return x;
}

std::vector<int> numbers(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

template <class Stream>
auto drain(Stream&& stream) {
  std::vector<typename std::remove_cvref_t<Stream>::value_type> out;
  for (auto&& value : stream) out.push_back(std::move(value));
  return out;
}

/// Waits in a job until it is asked to stop.
void wait_for_stop() {
  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
}

// ---- what comes out ---------------------------------------------------------------------------

// mirrors CPython test_imap
TEST_P(imap, yields_the_results_in_input_order) {
  auto pool = make_pool();
  std::vector<int> expected = numbers(1000);
  std::ranges::transform(expected, expected.begin(), square);
  EXPECT_EQ(drain(pool.imap(square, numbers(1000))), expected);
}

// mirrors CPython test_imap (stepwise next, StopIteration at the end)
TEST_P(imap, steps_by_next_and_says_when_it_is_over) {
  auto pool = make_pool();
  auto stream = pool.imap(square, numbers(20));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(stream.next(), i * i);
  EXPECT_EQ(stream.next(), std::nullopt);
  EXPECT_EQ(stream.next(), std::nullopt);
}

// mirrors CPython test_empty_iterable
TEST_P(imap, of_nothing_is_over_at_once) {
  auto pool = make_pool();
  EXPECT_TRUE(drain(pool.imap(square, std::vector<int>())).empty());
  EXPECT_EQ(pool.imap(square, std::vector<int>()).next(), std::nullopt);
}

TEST_P(imap, keeps_the_order_when_later_elements_are_faster) {
  auto pool = make_pool();
  const auto out = drain(pool.imap(
      [](int x) {
        std::this_thread::sleep_for(std::chrono::milliseconds(x % 4 == 0 ? 4 : 0));
        return x;
      },
      numbers(24), {.lane = filch::lane::io}));
  EXPECT_EQ(out, numbers(24));
}

TEST_P(imap, goes_on_where_a_loop_was_left) {
  auto pool = make_pool();
  auto stream = pool.imap(square, numbers(6));
  for (int value : stream) {
    if (value == 4) break;
  }
  EXPECT_EQ(drain(stream), (std::vector{9, 16, 25}));
}

TEST_P(imap, may_be_moved_between_two_elements) {
  auto pool = make_pool();
  auto first = pool.imap(square, std::array{0, 1, 2, 3, 4}, {.buffer = 2});
  EXPECT_EQ(first.next(), 0);
  auto it = first.begin();
  auto second = std::move(first);
  EXPECT_EQ(*it, 1);
  EXPECT_EQ(second.next(), 4);
  first = pool.imap(square, numbers(2));
  EXPECT_EQ(drain(first), (std::vector{0, 1}));
}

TEST_P(imap, of_a_void_callable_tells_that_each_has_ended) {
  auto pool = make_pool();
  std::vector<int> seen(8);
  auto stream = pool.imap([](int& x) { x = 1; }, seen);
  static_assert(std::is_same_v<decltype(stream), filch::stream<std::monostate>>);
  EXPECT_EQ(drain(stream).size(), 8U);
  EXPECT_EQ(seen, std::vector<int>(8, 1));
}

TEST_P(imap, yields_references_as_such) {
  auto pool = make_pool();
  auto xs = numbers(3);
  auto stream = pool.imap([](int& x) -> int& { return x; }, xs);
  EXPECT_EQ(&stream.next()->get(), &xs[0]);
  for (int& x : stream) x = 7;
  EXPECT_EQ(xs, (std::vector{0, 7, 7}));
}

TEST_P(imap, moves_move_only_elements_in_and_results_out) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<move_only> input;
  for (int i = 0; i < 10; ++i) input.emplace_back(i);
  int expected = 0;
  for (move_only result :
       pool.imap([](move_only x) { return move_only(x.value * 2); }, std::move(input))) {
    EXPECT_EQ(result.value, 2 * expected++);
  }
  EXPECT_EQ(expected, 10);
}

TEST_P(imap, copies_neither_elements_of_a_container_nor_results) {
  auto pool = make_pool();
  const std::vector<counted> input(20);
  const long before = ledger::global().copies;
  auto stream = pool.imap([](const counted& x) { return counted(x.value); }, input);
  EXPECT_EQ(drain(stream).size(), 20U);
  EXPECT_EQ(ledger::global().copies, before);
}

TEST_P(imap, takes_lists_sets_of_bits_and_views) {
  auto pool = make_pool();
  EXPECT_EQ(drain(pool.imap(square, std::list{1, 2, 3})), (std::vector{1, 4, 9}));
  const auto flipped = drain(pool.imap([](bool b) { return !b; }, std::vector{true, false}));
  EXPECT_EQ(flipped, (std::vector{false, true}));
  const auto xs = numbers(4);
  EXPECT_EQ(drain(pool.imap(square, xs | std::views::reverse)), (std::vector{9, 4, 1, 0}));
}

TEST_P(imap, gives_a_stop_token_to_a_callable_that_needs_one) {
  auto pool = make_pool();
  EXPECT_EQ(
      drain(pool.imap([](std::stop_token stop, int x) { return stop.stop_possible() ? x : -1; },
                      numbers(3))),
      numbers(3));
}

TEST_P(imap, is_there_as_a_free_function_for_the_current_pool) {
  auto pool = make_pool();
  const auto name = pool.with({.name = "outer"}).submit([] {
    return *filch::imap([](int) { return std::string(filch::this_job::name()); }, std::vector{1},
                        {.name = "inner"})
                .next();
  });
  auto& mine = const_cast<filch::future<std::string>&>(name);
  EXPECT_EQ(mine.get(), "inner");
}

// mirrors mpi4py test_istarmap
TEST_P(imap, with_star_spreads_tuples_over_the_arguments) {
  auto pool = make_pool();
  const auto xs = numbers(5);
  EXPECT_EQ(drain(pool.istarmap([](int a, int b) { return 10 * a + b; }, filch::zip(xs, xs))),
            (std::vector{0, 11, 22, 33, 44}));
  EXPECT_EQ(drain(pool.istarmap([](std::stop_token, double a, int b) { return a * b; },
                                filch::zip(filch::repeat(0.5), xs))),
            (std::vector{0., .5, 1., 1.5, 2.}));
}

// ---- the window -------------------------------------------------------------------------------

// mirrors CPython test_map_buffersize
TEST_P(imap, starts_as_many_as_the_buffer_holds_and_one_more_for_each_taken) {
  for (const std::size_t buffer : {1U, 5U, 10U}) {
    auto pool = make_pool();
    input_range<int> input(numbers(5));
    auto stream = pool.imap(square, std::views::all(input), {.buffer = buffer});
    std::size_t expected = std::min<std::size_t>(buffer, 5);
    // The n-th is reached by n - 1 steps; the end by one more.
    EXPECT_EQ(input.steps(), buffer > 5 ? 5 : expected - 1);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(stream.next(), i * i);
      expected = std::min<std::size_t>(buffer + static_cast<std::size_t>(i) + 1, 6);
      EXPECT_EQ(input.steps(), expected - 1) << "buffer " << buffer << ", element " << i;
    }
  }
}

TEST_P(imap, reads_an_endless_input_no_further_than_the_buffer_allows) {
  auto pool = make_pool();
  endless_input input;
  auto stream = pool.imap(square, std::views::all(input), {.buffer = 8});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(stream.next(), i * i);
    EXPECT_LE(input.steps(), static_cast<std::size_t>(i) + 8);
  }
}

TEST_P(imap, looks_ahead_by_twice_what_can_run_at_once_unless_told) {
  auto pool = make_pool();
  endless_input input;
  auto stream = pool.imap(square, std::views::all(input));
  EXPECT_EQ(input.steps() + 1, 2 * width());
  endless_input limited;
  auto two = pool.imap(square, std::views::all(limited), {.in_flight = 2, .lane = filch::lane::io});
  EXPECT_EQ(limited.steps() + 1, 4U);
}

TEST_P(imap, reads_its_input_on_the_consuming_thread_only) {
  auto pool = make_pool();
  input_range<int> input(numbers(200));
  EXPECT_EQ(drain(pool.imap(square, std::views::all(input), {.buffer = 16})).size(), 200U);
  EXPECT_TRUE(input.advanced_by_its_maker_only());
}

TEST_P(imap, keeps_the_elements_of_a_single_pass_input_apart) {
  auto pool = make_pool();
  std::istringstream text("one two three four five six");
  auto words = std::ranges::istream_view<std::string>(text);
  EXPECT_EQ(drain(pool.imap([](const std::string& word) { return word; }, words, {.buffer = 3})),
            (std::vector<std::string>{"one", "two", "three", "four", "five", "six"}));
}

TEST_P(imap, runs_no_more_at_once_than_in_flight_allows) {
  auto pool = make_pool();
  peak running;
  const auto out = drain(pool.imap(
      [&](int x) {
        running.enter();
        std::this_thread::sleep_for(1ms);
        running.leave();
        return x;
      },
      numbers(30), {.buffer = 20, .in_flight = 3, .lane = filch::lane::io}));
  EXPECT_EQ(out, numbers(30));
  EXPECT_LE(running.most(), 3);
}

TEST_P(imap, runs_the_whole_window_at_once_on_lane_io) {
  gate door;
  auto pool = make_pool();
  auto stream = pool.imap(
      [&](int x) {
        door.wait();
        return x;
      },
      numbers(20), {.buffer = 10, .lane = filch::lane::io});
  EXPECT_TRUE(door.wait_for_visitors(10));
  door.open();
  EXPECT_EQ(drain(stream), numbers(20));
}

// ---- errors -----------------------------------------------------------------------------------

TEST_P(imap, raises_an_error_at_its_element_and_goes_on) {
  auto pool = make_pool();
  auto stream = pool.imap(refuse_odd, numbers(10));
  int expected = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it, ++expected) {
    try {
      EXPECT_EQ(*it, expected);
      EXPECT_EQ(expected % 2, 0);
    } catch (const odd_failed& error) {
      EXPECT_EQ(error.value, expected);
      EXPECT_THROW(*it, odd_failed) << "as often as it is asked";
    }
  }
  EXPECT_EQ(expected, 10);
}

TEST_P(imap, raises_an_error_by_next_and_goes_on) {
  auto pool = make_pool();
  auto stream = pool.imap(refuse_odd, numbers(4));
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), odd_failed);
  EXPECT_EQ(stream.next(), 2);
  EXPECT_THROW(stream.next(), odd_failed);
  EXPECT_EQ(stream.next(), std::nullopt);
}

// mirrors CPython test_imap_handle_iterable_exception
TEST_P(imap, raises_an_error_of_its_input_after_the_elements_before_it_and_ends) {
  for (const auto where : {failing::begin, failing::dereference, failing::increment}) {
    for (const int at : {0, 1, 7}) {
      auto pool = make_pool();
      auto stream = pool.imap(square, throwing_range<>(10, static_cast<std::size_t>(at), where),
                              {.buffer = 3});
      const int good = where == failing::begin ? 0 : where == failing::increment ? at + 1 : at;
      for (int i = 0; i < good; ++i) EXPECT_EQ(stream.next(), i * i);
      EXPECT_THROW(stream.next(), range_failed);
      EXPECT_EQ(stream.next(), std::nullopt);
      EXPECT_EQ(pool.submit(square, 3).get(), 9) << "the pool is not the worse for it";
    }
  }
}

TEST_P(imap, raises_what_copying_an_element_throws_at_its_place) {
  const no_leaks check;
  auto pool = make_pool();
  const std::vector<filch_test::throwing_copy> values(6);
  const filch_test::fail_copies_after few(4);
  auto copies = values | std::views::transform([](const auto& x) { return x; });
  auto stream =
      pool.imap([](const filch_test::throwing_copy& x) { return x.value; }, copies, {.buffer = 2});
  int good = 0;
  try {
    while (stream.next()) ++good;
    ADD_FAILURE() << "the copy's error is missing";
  } catch (const filch_test::copy_failed&) {
  }
  EXPECT_EQ(good, 4);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_P(imap, raises_what_moving_a_result_throws_at_its_element) {
  const no_leaks check;
  auto pool = make_pool();
  auto stream = pool.imap(
      [](int x) {
        filch_test::throwing_move made(x);
        if (x == 1) throw filch_test::copy_failed();
        return made;
      },
      numbers(3), {.buffer = 1});
  EXPECT_EQ(stream.next()->value, 0);
  EXPECT_THROW(stream.next(), filch_test::copy_failed);
  EXPECT_EQ(stream.next()->value, 2);
}

TEST_P(imap, refuses_policies_that_make_no_sense_for_a_stream) {
  auto pool = make_pool();
  const filch::job_options first{.errors = filch::errors::first};
  EXPECT_THROW((void)pool.imap(square, numbers(2), first), std::invalid_argument);
  EXPECT_THROW((void)pool.with({.errors = filch::errors::collect}).imap(square, numbers(2)),
               std::invalid_argument);
}

TEST_P(imap, counts_errors_that_nobody_came_to_see) {
  auto pool = make_pool();
  {
    auto stream = pool.imap(refuse_odd, std::vector{1, 3}, {.buffer = 2});
    EXPECT_THROW(stream.next(), odd_failed);
    if (concurrent()) {
      EXPECT_TRUE(eventually([&] { return pool.stats().total().run >= 2; }));
    }
  }
  EXPECT_LE(pool.stats().suppressed, 1U);
  if (concurrent()) {
    EXPECT_EQ(pool.stats().suppressed, 1U);
  }
}

// ---- stopping ---------------------------------------------------------------------------------

TEST_P(imap, never_ends_early_in_silence_when_it_is_stopped) {
  auto pool = make_pool();
  std::stop_source stop;
  auto stream = pool.imap(square, std::views::iota(0), {.buffer = 4, .stop = stop.get_token()});
  EXPECT_EQ(stream.next(), 0);
  stop.request_stop();
  EXPECT_THROW(while (stream.next()){}, filch::cancelled);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_P(imap, raises_timed_out_when_the_time_of_the_stream_is_up) {
  auto pool = make_pool();
  auto stream = pool.imap(
      [](int x) {
        if (x == 2) wait_for_stop();
        filch::this_job::check();
        return x;
      },
      std::views::iota(0), {.buffer = 1, .timeout = 50ms});
  EXPECT_EQ(stream.next(), 0);
  EXPECT_EQ(stream.next(), 1);
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(stream.next(), std::nullopt);
}

// mirrors mpi4py test_map_unordered_timeout_one and CPython test_map_timeout
TEST_P(imap, raises_timed_out_at_the_element_that_took_too_long_and_goes_on) {
  auto pool = make_pool();
  auto stream = pool.imap(
      [](int x) {
        if (x == 1) wait_for_stop();
        return x;
      },
      numbers(3), {.timeout_each = 30ms});
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(stream.next(), 2);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_P(imap, stops_what_runs_when_it_is_destroyed) {
  auto pool = make_pool();
  std::atomic<int> running{0};
  {
    auto stream = pool.imap(
        [&](int x) {
          ++running;
          if (x > 0) wait_for_stop();
          --running;
          return x;
        },
        std::views::iota(0), {.buffer = 4, .lane = filch::lane::io});
    EXPECT_EQ(stream.next(), 0);
    EXPECT_TRUE(eventually([&] { return running == 4; }));
  }
  EXPECT_EQ(running, 0) << "they have ended when the destructor returns";
}

TEST_P(imap, never_starts_what_is_left_when_it_is_destroyed) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> ran{0};
  {
    filch_test::busy_workers busy(pool, concurrent() ? workers() : 0);
    auto stream =
        pool.imap([&, held = counted(1)](int) { ++ran; }, std::views::iota(0), {.buffer = 100});
  }
  EXPECT_EQ(pool.submit(square, 2).get(), 4);
  EXPECT_EQ(ran, 0);
}

TEST_P(imap, frees_callable_input_and_results_when_it_is_destroyed_half_read) {
  const long before = ledger::global().live;
  auto pool = make_pool();
  {
    auto stream =
        pool.imap([held = counted(1)](counted x) { return counted(x.value + held.value); },
                  std::vector<counted>(100), {.buffer = 10});
    EXPECT_EQ(stream.next()->value, 1);
  }
  EXPECT_EQ(ledger::global().live, before) << "at once, not when the pool gets round to it";
}

TEST_P(imap, does_not_stop_jobs_that_outlive_it) {
  auto pool = make_pool();
  std::vector<filch::future<int>> made;
  for (auto&& job : pool.imap(
           [&pool](int x) {
             // In a tuple, as a future by itself would be waited for.
             return std::tuple(pool.submit([x] {
               filch::this_job::check();
               return x;
             }));
           },
           numbers(10))) {
    made.push_back(std::get<0>(std::move(job)));
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(made[static_cast<std::size_t>(i)].get(), i);
}

// ---- the end of the pool ----------------------------------------------------------------------

// the regression of CPython #155477
TEST_P(imap, half_read_keeps_no_pool_from_ending) {
  auto pool = make_heap_pool();
  auto stream = pool->imap(square, std::views::iota(0), {.buffer = 4});
  EXPECT_EQ(stream.next(), 0);
  pool->close();
  pool->join();
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(stream.next(), i * i) << "accepted before the end";
  EXPECT_THROW(stream.next(), filch::pool_closed);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_P(imap, outlives_its_pool) {
  auto pool = make_heap_pool();
  auto stream = pool->imap(square, numbers(100), {.buffer = 3});
  auto unread = pool->imap(square, numbers(100));
  EXPECT_EQ(stream.next(), 0);
  pool.reset();
  EXPECT_EQ(stream.next(), 1);
}

TEST_P(imap, goes_on_to_its_end_after_close) {
  auto pool = make_pool();
  auto stream = pool.imap(square, numbers(200), {.buffer = 2});
  pool.close();
  EXPECT_EQ(drain(stream).size(), 200U);
  EXPECT_THROW((void)pool.imap(square, numbers(1)), filch::pool_closed);
  pool.join();
}

TEST_P(imap, says_that_it_was_cancelled_by_shutdown) {
  auto pool = make_pool();
  auto stream = pool.imap(
      [](int) {
        wait_for_stop();
        filch::this_job::check();
      },
      std::views::iota(0), {.buffer = 2, .lane = filch::lane::io});
  EXPECT_TRUE(pool.shutdown_for(10s).finished);
  EXPECT_THROW(stream.next(), filch::cancelled);
  EXPECT_EQ(stream.next(), std::nullopt);
}

// ---- inside jobs ------------------------------------------------------------------------------

TEST_P(imap, is_consumed_inside_a_job_of_a_pool_of_one) {
  auto pool = make_pool_of(1);
  auto sum = pool.submit([&pool] {
    int total = 0;
    for (int value : pool.imap(square, numbers(50), {.buffer = 4})) total += value;
    return total;
  });
  EXPECT_EQ(sum.get(), 40425);
}

TEST_P(imap, may_be_fed_by_another_stream) {
  auto pool = make_pool();
  auto squares = pool.imap(square, std::views::iota(0), {.buffer = 3});
  auto halves = pool.imap([](int x) { return x / 2; }, std::views::all(squares), {.buffer = 2});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(halves.next(), i * i / 2);
}

TEST_P(imap, may_be_used_inside_its_own_callable) {
  auto pool = make_pool();
  auto stream = pool.imap(
      [&pool](int n) {
        int total = 0;
        for (int value : pool.imap(square, numbers(n))) total += value;
        return total;
      },
      std::vector{1, 5, 10, 20}, {.buffer = 2});
  EXPECT_EQ(drain(stream), (std::vector{0, 30, 285, 2470}));
}

TEST_P(imap, reports_progress_on_the_consuming_thread) {
  auto pool = make_pool();
  std::vector<filch::progress> seen;
  auto stream = pool.imap(refuse_odd, numbers(3),
                          {.on_progress = [&](const filch::progress& p) { seen.push_back(p); }});
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), odd_failed);
  EXPECT_EQ(stream.next(), 2);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[2].done, 3U);
  EXPECT_EQ(seen[2].failed, 1U);
  EXPECT_EQ(seen[2].total, 3U);
}

}  // namespace
