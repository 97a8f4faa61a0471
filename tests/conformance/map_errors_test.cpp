#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <filch/error.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::counted;
using filch_test::no_leaks;
using filch_test::throwing_copy;
using filch_test::throwing_move;

FILCH_CONFORMANCE(map_errors);

struct item_failed : std::runtime_error {
  explicit item_failed(int i) : std::runtime_error("item " + std::to_string(i)), index(i) {}
  int index;
};

std::vector<int> numbers(int n) {
  std::vector<int> xs(static_cast<std::size_t>(n));
  std::iota(xs.begin(), xs.end(), 0);
  return xs;
}

/// Fails at every hundredth item from 300 on.
int picky(int x) {
  if (x >= 300 && x % 100 == 0) throw item_failed(x);
  return x;
}

template <class Call>
int failing_index(Call call) {
  try {
    call();
  } catch (const item_failed& e) {
    return e.index;
  }
  return -1;
}

// mirrors CPython executor test_map_exception, test_wrapped_exception
TEST_P(map_errors, serial_throws_what_the_plain_loop_would_have_thrown) {
  const no_leaks check;
  auto pool = make_pool();
  for (int run = 0; run < 20; ++run) {
    for (const std::size_t chunk : {std::size_t{0}, std::size_t{1}, std::size_t{64}}) {
      EXPECT_EQ(failing_index([&] { pool.with({.chunk = chunk}).map(picky, numbers(2000)); }), 300);
      EXPECT_EQ(
          failing_index([&] {
            pool.with({.chunk = chunk}).map([](int x) { return counted(picky(x)); }, numbers(2000));
          }),
          300);
    }
  }
}

TEST_P(map_errors, serial_runs_all_items_below_the_failing_one) {
  auto pool = make_pool();
  std::vector<int> calls(2000);
  EXPECT_EQ(failing_index([&] {
              pool.map(
                  [&](int x) {
                    ++calls[static_cast<std::size_t>(x)];
                    picky(x);
                  },
                  numbers(2000));
            }),
            300);
  for (std::size_t i = 0; i <= 300; ++i) ASSERT_EQ(calls[i], 1) << i;
  for (const int n : calls) ASSERT_LE(n, 1);
}

TEST_P(map_errors, serial_skips_items_above_the_failing_one) {
  auto pool = make_pool();
  std::atomic<int> ran{0};
  const auto f = [&](int x) {
    ++ran;
    std::this_thread::sleep_for(100us);
    if (x == 5) throw item_failed(x);
  };
  EXPECT_EQ(failing_index([&] { pool.with({.chunk = 1}).map(f, numbers(5000)); }), 5);
  EXPECT_LT(ran, 2500);
}

TEST_P(map_errors, first_throws_one_of_them_and_stops_the_rest) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> ran{0};
  const auto f = [&](int x) {
    ++ran;
    std::this_thread::sleep_for(100us);
    if (x % 10 == 5) throw item_failed(x);
    return counted(x);
  };
  const int index = failing_index(
      [&] { pool.with({.chunk = 1, .errors = filch::errors::first}).map(f, numbers(5000)); });
  EXPECT_EQ(index % 10, 5);
  EXPECT_LT(ran, 2500);
}

TEST_P(map_errors, collect_runs_all_and_throws_all_in_order) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> ran{0};
  const auto f = [&](int x) {
    ++ran;
    return counted(picky(x));
  };
  try {
    pool.with({.errors = filch::errors::collect}).map(f, numbers(1000));
    ADD_FAILURE() << "no exception";
  } catch (const filch::errors_list& e) {
    ASSERT_EQ(e.errors().size(), 7U);
    for (std::size_t i = 0; i < 7; ++i) {
      EXPECT_EQ(e.errors()[i].index, 300 + 100 * i);
      EXPECT_EQ(filch::describe(e.errors()[i].error), "item " + std::to_string(300 + 100 * i));
    }
  }
  EXPECT_EQ(ran, 1000);
}

TEST_P(map_errors, superseded_errors_are_counted) {
  auto pool = make_pool_of(2);
  std::atomic<int> inside{0};
  // Both items fail, the higher one first where two threads are there to do so.
  const auto f = [&](int x) {
    ++inside;
    const auto patience = std::chrono::steady_clock::now() + 10s;
    if (concurrent()) {
      while (inside < 2 && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    }
    if (x == 0) std::this_thread::sleep_for(20ms);
    throw item_failed(x);
  };
  EXPECT_EQ(failing_index([&] { pool.with({.chunk = 1}).map(f, numbers(2)); }), 0);
  EXPECT_EQ(pool.stats().suppressed, concurrent() ? 1U : 0U);
}

// mirrors CPython test_map_no_failfast
TEST_P(map_errors, leave_the_pool_usable_and_nothing_running) {
  auto pool = make_pool();
  for (int run = 0; run < 50; ++run) {
    std::atomic<int> inside{0};
    EXPECT_EQ(failing_index([&] {
                pool.with({.chunk = 1})
                    .map(
                        [&](int x) {
                          ++inside;
                          const std::shared_ptr<void> leave(nullptr, [&](void*) { --inside; });
                          if (x == 0) throw item_failed(0);
                          std::this_thread::sleep_for(50us);
                        },
                        numbers(20));
              }),
              0);
    ASSERT_EQ(inside, 0);
  }
  EXPECT_EQ(pool.map([](int x) { return x; }, numbers(100)), numbers(100));
}

TEST_P(map_errors, of_exceptions_that_are_no_std_exception_pass_unchanged) {
  auto pool = make_pool();
  EXPECT_THROW(pool.map([](int x) -> int { throw x; }, numbers(3)), int);
}

TEST_P(map_errors, a_cancelled_thrown_by_an_item_is_its_own_error) {
  auto pool = make_pool();
  EXPECT_THROW(pool.map(
                   [](int x) {
                     if (x == 3) throw filch::cancelled();
                   },
                   numbers(10)),
               filch::cancelled);
}

TEST_P(map_errors, of_copy_constructors_leak_nothing) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<throwing_copy> xs(100);
  for (const long after : {0L, 1L, 50L, 99L}) {
    const filch_test::fail_copies_after limit(after);
    EXPECT_THROW(pool.map([](const throwing_copy& x) { return x; }, xs), filch_test::copy_failed);
    EXPECT_THROW(pool.map([](throwing_copy) {}, xs), filch_test::copy_failed);
    EXPECT_THROW((void)pool.map_async([](const throwing_copy& x) { return x.value; }, xs),
                 filch_test::copy_failed);
  }
}

TEST_P(map_errors, of_move_constructors_leak_nothing) {
  const no_leaks check;
  auto pool = make_pool();
  const auto xs = numbers(100);
  for (const long after : {0L, 1L, 50L, 99L}) {
    const filch_test::fail_moves_after limit(after);
    // Made in place, so that the vector's own moves are the first that can fail.
    EXPECT_THROW(pool.map([](int x) { return throwing_move(x); }, xs), filch_test::copy_failed);
  }
}

// ---- map_try ----------------------------------------------------------------------------------

TEST_P(map_errors, map_try_gives_each_item_its_value_or_exception) {
  const no_leaks check;
  auto pool = make_pool();
  const auto tried = pool.map_try([](int x) { return counted(picky(x)); }, numbers(1000));
  ASSERT_EQ(tried.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    const auto& o = tried[static_cast<std::size_t>(i)];
    if (i >= 300 && i % 100 == 0) {
      ASSERT_FALSE(o) << i;
      EXPECT_EQ(filch::describe(o.error()), "item " + std::to_string(i));
    } else {
      ASSERT_TRUE(o) << i;
      EXPECT_EQ(o->value, i);
    }
  }
}

TEST_P(map_errors, map_try_never_throws_for_an_item) {
  auto pool = make_pool();
  const auto fails = [](int, int) -> int { throw 1; };
  for (const auto policy : {filch::errors::serial, filch::errors::first, filch::errors::collect}) {
    EXPECT_EQ(pool.with({.errors = policy}).map_try(fails, numbers(50), numbers(50)).size(), 50U);
    EXPECT_EQ(pool.with({.errors = policy})
                  .starmap_try(fails, filch::zip(numbers(50), filch::repeat(1)))
                  .size(),
              50U);
  }
  EXPECT_EQ(pool.stats().suppressed, 0U);
}

TEST_P(map_errors, map_try_of_a_void_function_tells_who_failed) {
  auto pool = make_pool();
  const std::vector<filch::outcome<void>> tried =
      pool.map_try([](int x) { static_cast<void>(picky(x + 299)); }, numbers(2));
  EXPECT_TRUE(tried[0]);
  EXPECT_FALSE(tried[1]);
}

// ---- stopping and time limits -----------------------------------------------------------------

TEST_P(map_errors, a_stop_throws_cancelled_and_never_truncates) {
  const no_leaks check;
  auto pool = make_pool();
  for (int at = 0; at < 50; at += 7) {
    std::stop_source source;
    const auto f = [&](int x) {
      if (x == at) source.request_stop();
      std::this_thread::sleep_for(20us);
      return counted(x);
    };
    EXPECT_THROW(pool.with({.stop = source.get_token()}).map(f, numbers(1000)), filch::cancelled);
    EXPECT_THROW(pool.with({.stop = source.get_token()}).map_try(f, numbers(1000)),
                 filch::cancelled);
  }
}

TEST_P(map_errors, a_stop_in_advance_runs_nothing) {
  auto pool = make_pool();
  std::stop_source source;
  source.request_stop();
  std::atomic<int> calls{0};
  EXPECT_THROW(pool.with({.stop = source.get_token()}).for_each(numbers(10), [&](int) { ++calls; }),
               filch::cancelled);
  EXPECT_EQ(calls, 0);
}

TEST_P(map_errors, a_stop_reaches_items_through_their_token) {
  auto pool = make_pool();
  std::stop_source source;
  const auto f = [&](const std::stop_token& stop, int) {
    source.request_stop();
    while (!stop.stop_requested()) std::this_thread::yield();
    while (!filch::this_job::stop_requested()) std::this_thread::yield();
  };
  // More than threads: a stop that comes when all have begun takes nothing away.
  EXPECT_THROW(pool.with({.stop = source.get_token()}).map(f, numbers(1000)), filch::cancelled);
}

TEST_P(map_errors, a_stop_caused_by_an_error_is_not_reported_as_cancelled) {
  auto pool = make_pool();
  const auto f = [](int x) {
    if (x == 7) throw item_failed(x);
    std::this_thread::sleep_for(50us);
    filch::this_job::check();
  };
  EXPECT_EQ(
      failing_index([&] { pool.with({.errors = filch::errors::first}).map(f, numbers(500)); }), 7);
}

TEST_P(map_errors, a_timeout_of_the_call_throws_timed_out) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> ran{0};
  const auto f = [&](int x) {
    ++ran;
    std::this_thread::sleep_for(1ms);
    return counted(x);
  };
  EXPECT_THROW(pool.with({.timeout = 20ms}).map(f, numbers(100'000)), filch::timed_out);
  EXPECT_LT(ran, 100'000);
  EXPECT_NO_THROW(pool.with({.timeout = 1h}).map(f, numbers(3)));
}

TEST_P(map_errors, a_timeout_of_an_item_stops_that_item) {
  const no_leaks check;
  auto pool = make_pool();
  const auto f = [](const std::stop_token& stop, int x) {
    while (x == 2 && !stop.stop_requested()) std::this_thread::yield();
    return counted(x);
  };
  EXPECT_THROW(pool.with({.timeout_each = 20ms}).map(f, numbers(4)), filch::timed_out);
  const auto tried = pool.with({.timeout_each = 20ms}).map_try(f, numbers(4));
  EXPECT_TRUE(tried[1]);
  ASSERT_FALSE(tried[2]);
  EXPECT_THROW(tried[2].value(), filch::timed_out);
  EXPECT_TRUE(tried[3]);
}

TEST_P(map_errors, are_counted_in_the_progress) {
  auto pool = make_pool();
  filch::progress last;
  pool.with({.on_progress = [&](const filch::progress& p) { last = p; }})
      .map_try(picky, numbers(1000));
  EXPECT_EQ(last.done, 1000U);
  EXPECT_EQ(last.failed, 7U);
  EXPECT_EQ(last.total, 1000U);
}

TEST_P(map_errors, a_stop_that_comes_when_every_item_has_run_takes_nothing_away) {
  auto pool = make_pool();
  std::stop_source stop;
  const auto last_stops = [&](int x) {
    if (x == 9) stop.request_stop();
    return x;
  };
  const auto in_order = pool.with({.chunk = 10, .stop = stop.get_token()});
  EXPECT_EQ(in_order.map(last_stops, numbers(10)).size(), 10U);
}

TEST_P(map_errors, an_item_that_throws_when_its_time_is_up_fails_once) {
  auto pool = make_pool();
  filch::progress last;
  const auto outcomes =
      pool.with({.on_progress = [&](const filch::progress& p) { last = p; }, .timeout_each = 1ms})
          .map_try(
              [](std::stop_token stop, int x) -> int {
                while (!stop.stop_requested()) std::this_thread::yield();
                throw std::runtime_error(std::to_string(x));
              },
              numbers(3));
  for (const auto& o : outcomes) EXPECT_THROW((void)o.value(), filch::timed_out);
  EXPECT_EQ(last.failed, 3U);
}

TEST_P(map_errors, a_time_limit_below_zero_has_run_out) {
  auto pool = make_pool();
  const std::vector<int> xs(100, 1);
  const auto same = [](int x) { return x; };
  EXPECT_THROW((void)pool.with({.timeout = -1s}).map(same, xs), filch::timed_out);
  EXPECT_THROW((void)pool.with({.timeout_each = -1s}).map(same, xs), filch::timed_out);
  EXPECT_THROW((void)pool.with({.timeout = -1s}).map_async(same, xs).get(), filch::timed_out);
  EXPECT_THROW((void)pool.with({.timeout = -1s}).submit(same, 1).get(), filch::timed_out);
  EXPECT_THROW((void)pool.with({.timeout = -1s}).reduce(xs, 0, std::plus<>{}), filch::timed_out);
  EXPECT_EQ(pool.map(same, xs), xs);
}

}  // namespace
