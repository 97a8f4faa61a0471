#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/ranges.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

// Staggered races, races of callables, and those that want another number or kind of winners.

namespace {

using namespace std::chrono_literals;
using filch_test::gate;

FILCH_CONFORMANCE(race_forms);

/// A contender that ends only when it is told to stop, and then as a cancelled one.
int until_stopped() {
  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
  filch::this_job::check();
  return -1;
}

int fails(int x) { throw std::runtime_error("contender " + std::to_string(x)); }

const std::vector<int> three{0, 1, 2};

// ---- stagger ----------------------------------------------------------------------------------

TEST_P(race_forms, staggered_contenders_are_not_started_once_somebody_has_won) {
  auto pool = make_pool();
  std::atomic<int> started{0};
  const auto won = pool.race([&](int) { return ++started; }, three, {.stagger = 1h});
  EXPECT_EQ(won.index, 0U);
  EXPECT_EQ(started, 1);
}

TEST_P(race_forms, next_contender_starts_as_soon_as_the_one_before_it_has_failed) {
  auto pool = make_pool();
  std::vector<int> order;  // plain: each starts after the one before it has ended
  const auto won = pool.race(
      [&](int x) {
        order.push_back(x);
        return x < 2 ? fails(x) : x;
      },
      filch::range(0, 9), {.stagger = 1h});
  EXPECT_EQ(won.value, 2);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST_P(race_forms, next_contender_starts_after_the_delay) {
  auto pool = make_pool();
  std::latch all_run(3);
  const auto won = pool.race(
      [&](int x) {
        all_run.arrive_and_wait();
        return x == 2 ? x : until_stopped();
      },
      three, {.stagger = 2ms});
  EXPECT_EQ(won.value, 2);
  EXPECT_GE(won.elapsed, 4ms);
}

TEST_P(race_forms, failure_of_an_earlier_contender_does_not_start_the_next_one) {
  auto pool = make_pool();
  gate second_runs;
  const auto won = pool.race(
      [&](int x) {
        if (x == 0) {
          second_runs.wait();
          return fails(x);
        }
        if (x == 1) {
          second_runs.open();
          return until_stopped();
        }
        return x;
      },
      three, {.stagger = 30ms});
  EXPECT_EQ(won.value, 2);
  EXPECT_GE(won.elapsed, 60ms) << "the third one's delay begins when the second one starts";
}

TEST_P(race_forms, staggered_contenders_that_all_fail_are_all_listed) {
  auto pool = make_pool();
  try {
    pool.race(fails, filch::range(0, 20), {.stagger = 1h});
    FAIL() << "somebody won";
  } catch (const filch::race_failed& failure) {
    EXPECT_EQ(failure.errors().size(), 20U);
  }
}

// ---- race_of ----------------------------------------------------------------------------------

TEST_P(race_forms, of_callables_gives_their_common_type) {
  auto pool = make_pool();
  const auto won = pool.race_of([] { return 1; }, [] { return 2.5; });
  static_assert(std::is_same_v<decltype(won.value), double>);
  EXPECT_EQ(won.value, won.index == 0 ? 1.0 : 2.5);
}

TEST_P(race_forms, of_callables_takes_options_first) {
  auto pool = make_pool();
  const auto won = pool.race_of(
      filch::race_options<long>{.stagger = 1h}, [] { return fails(0); }, [] { return 2L; });
  EXPECT_EQ(won.value, 2);
}

TEST_P(race_forms, of_callables_that_return_nothing_is_decided_by_the_first_to_return) {
  auto pool = make_pool();
  const auto won = pool.race_of([] {}, [] { until_stopped(); });
  static_assert(std::is_same_v<decltype(won.value), std::monostate>);
  EXPECT_EQ(won.index, 0U);
}

TEST_P(race_forms, calls_what_can_only_be_moved_and_what_changes_itself) {
  auto pool = make_pool();
  auto moved = std::make_unique<int>(7);
  const auto won = pool.race_of([moved = std::move(moved), calls = 0]() mutable {
    ++calls;
    return *moved + calls;
  });
  EXPECT_EQ(won.value, 8);
}

// ---- race_completed, first_n ------------------------------------------------------------------

TEST_P(race_forms, completed_throws_the_error_of_the_first_that_ended_so) {
  auto pool = make_pool();
  try {
    pool.race_completed([](int x) { return x == 1 ? fails(x) : until_stopped(); }, three);
    FAIL() << "an error ended first";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "contender 1");
  }
  EXPECT_EQ(pool.stats().suppressed, 0U);
}

TEST_P(race_forms, completed_gives_the_value_of_the_first_that_ended_so) {
  auto pool = make_pool();
  const auto won = pool.race_completed([](int x) { return x == 1 ? x : until_stopped(); }, three);
  EXPECT_EQ(won.index, 1U);
}

TEST_P(race_forms, first_n_gives_the_first_in_order_of_completion) {
  auto pool = make_pool();
  gate last_is_done;
  const auto won = pool.first_n(
      2,
      [&](int x) {
        if (x == 0) return until_stopped();
        if (x == 1) {
          last_is_done.wait();
          std::this_thread::sleep_for(20ms);
        }
        if (x == 2) last_is_done.open();
        return x;
      },
      three);
  ASSERT_EQ(won.size(), 2U);
  EXPECT_EQ(won[0].value, 2);
  EXPECT_EQ(won[1].value, 1);
  EXPECT_LE(won[0].elapsed, won[1].elapsed);
}

TEST_P(race_forms, first_n_fails_as_soon_as_too_few_are_left) {
  auto pool = make_pool();
  gate one_is_done;
  try {
    pool.first_n(
        3,
        [&](int x) {
          if (x == 0) return x;
          return x == 3 ? until_stopped() : fails(x);
        },
        filch::range(0, 4));
    FAIL() << "three succeeded";
  } catch (const filch::race_failed& failure) {
    ASSERT_EQ(failure.errors().size(), 2U);
    EXPECT_EQ(failure.errors()[0].index, 1U);
    EXPECT_NE(std::string(failure.what()).find("3 successes are asked for"), std::string::npos);
  }
}

TEST_P(race_forms, first_n_of_too_few_starts_nothing_and_fails) {
  auto pool = make_pool();
  std::atomic<int> started{0};
  EXPECT_THROW(pool.first_n(4, [&](int) { return ++started; }, three), filch::race_failed);
  EXPECT_EQ(started, 0);
}

TEST_P(race_forms, first_none_is_an_empty_result) {
  auto pool = make_pool();
  EXPECT_TRUE(pool.first_n(0, fails, three).empty());
}

TEST_P(race_forms, first_all_waits_for_each) {
  auto pool = make_pool();
  EXPECT_EQ(pool.first_n(3, [](int x) { return std::make_unique<int>(x); }, three).size(), 3U);
}

// ---- inputs and results -----------------------------------------------------------------------

TEST_P(race_forms, takes_input_only_ranges_proxies_and_references) {
  auto pool = make_pool();
  std::istringstream words("one");
  EXPECT_EQ(
      pool.race([](const std::string& w) { return w; }, std::views::istream<std::string>(words))
          .value,
      "one");
  EXPECT_TRUE(pool.race([](bool x) { return x; }, std::vector<bool>{true}).value);
  std::vector<int> changed{1};
  pool.race([](int& x) { x = 5; }, changed);
  EXPECT_EQ(changed[0], 5);
}

TEST_P(race_forms, moves_results_that_can_only_be_moved) {
  auto pool = make_pool();
  const filch_test::no_leaks check;
  EXPECT_EQ(pool.race([](int x) { return filch_test::move_only(x); }, std::array{9}).value.value,
            9);
}

TEST_P(race_forms, returned_reference_becomes_a_value) {
  auto pool = make_pool();
  const std::vector<std::string> names{"a"};
  const auto won = pool.race([](const std::string& s) -> const std::string& { return s; }, names,
                             {.losers = filch::losers::abandon});
  static_assert(std::is_same_v<decltype(won.value), std::string>);
  EXPECT_EQ(won.value, "a");
}

TEST_P(race_forms, a_stagger_below_zero_is_refused) {
  auto pool = make_pool();
  EXPECT_THROW(pool.race([](int x) { return x; }, std::array{4}, {.stagger = -1ns}),
               std::invalid_argument);
}

TEST_P(race_forms, free_verbs_use_the_pool_of_the_job) {
  auto pool = make_pool();
  const auto before = pool.stats().io_threads_started;
  auto job = pool.submit([] {
    return filch::race([](int x) { return x; }, std::array{4}).value +
           filch::race_of([] { return 1; }).value +
           filch::race_completed([](int x) { return x; }, std::array{4}).value +
           filch::first_n(1, [](int x) { return x; }, std::array{4})[0].value;
  });
  EXPECT_EQ(job.get(), 13);
  EXPECT_GT(pool.stats().io_threads_started, before);
}

}  // namespace
