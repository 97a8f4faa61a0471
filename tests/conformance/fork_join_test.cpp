#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <filch/fork_join.hpp>
#include <filch/pool.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/sanitizer.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::eventually;
using filch_test::move_only;

FILCH_CONFORMANCE(fork_join);

long fibonacci(int n) {
  if (n < 2) return n;
  const auto [a, b] =
      filch::fork_join([n] { return fibonacci(n - 1); }, [n] { return fibonacci(n - 2); });
  return a + b;
}

TEST_P(fork_join, gives_the_results_of_its_branches_in_order) {
  auto pool = make_pool();
  const auto [a, b, c] =
      pool.fork_join([] { return 1; }, [] { return std::string("two"); }, [] { return 3.0; });
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, "two");
  EXPECT_EQ(c, 3.0);
}

TEST_P(fork_join, runs_a_single_branch) {
  auto pool = make_pool();
  EXPECT_EQ(std::get<0>(pool.fork_join([] { return 1; })), 1);
}

TEST_P(fork_join, gives_monostate_for_branches_without_a_result) {
  auto pool = make_pool();
  const auto mixed = pool.fork_join([] {}, [] { return 2; });
  static_assert(std::is_same_v<decltype(mixed), const std::tuple<std::monostate, int>>);
  EXPECT_EQ(std::get<1>(mixed), 2);
  int ran = 0;
  pool.fork_join([&] { ++ran; });
  EXPECT_EQ(ran, 1);
}

TEST_P(fork_join, takes_results_that_can_only_be_moved) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  auto [a, b] = pool.fork_join([] { return move_only(1); }, [] { return move_only(2); });
  EXPECT_EQ(a.value + b.value, 3);
}

// mirrors rayon join_counter_overflow and sort
TEST_P(fork_join, divides_and_conquers) {
  auto pool = make_pool();
  EXPECT_EQ(pool.submit(fibonacci, 20).get(), 6765);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(pool.submit(fibonacci, 8).get(), 21);
}

TEST_P(fork_join, works_when_called_from_outside) {
  auto pool = make_pool();
  const auto [a, b] = pool.fork_join([] { return fibonacci(12); }, [] { return fibonacci(13); });
  EXPECT_EQ(a + b, 377);
}

TEST_P(fork_join, shows_each_branch_what_came_before_and_its_caller_what_they_wrote) {
  auto pool = make_pool();
  for (unsigned i = 0; i < 300; ++i) {
    const filch_test::plain_payload before(i);
    filch_test::plain_payload left;
    filch_test::plain_payload right;
    const auto [l, r] = pool.fork_join(
        [&] {
          left = filch_test::plain_payload(i + 1);
          return before.is(i);
        },
        [&] {
          right = filch_test::plain_payload(i + 2);
          return before.is(i);
        });
    EXPECT_TRUE(l && r);
    EXPECT_TRUE(left.is(i + 1));
    EXPECT_TRUE(right.is(i + 2));
  }
}

TEST_P(fork_join, uses_two_workers_for_two_coarse_branches) {
  FILCH_NEEDS_CONCURRENT();
  if (workers() < 2) return;
  auto pool = make_pool();
  std::atomic<int> inside{0};
  const auto meets_the_other = [&] {
    ++inside;
    return eventually([&] { return inside == 2; });
  };
  const auto [l, r] =
      pool.submit([&] { return pool.fork_join(meets_the_other, meets_the_other); }).get();
  EXPECT_TRUE(l);
  EXPECT_TRUE(r);
}

// mirrors rayon panic_propagate_a, _b, _both
TEST_P(fork_join, throws_what_the_leftmost_failing_branch_threw) {
  auto pool = make_pool();
  const auto ok = [] { return 0; };
  const auto left = []() -> int { throw std::runtime_error("left"); };
  const auto right = []() -> int { throw std::logic_error("right"); };
  EXPECT_THROW(pool.fork_join(left, ok), std::runtime_error);
  EXPECT_THROW(pool.fork_join(ok, right), std::logic_error);
  for (int i = 0; i < 200; ++i) EXPECT_THROW(pool.fork_join(left, right), std::runtime_error);
}

TEST_P(fork_join, counts_the_error_that_another_one_superseded) {
  FILCH_NEEDS_CONCURRENT();
  if (workers() < 2) return;
  auto pool = make_pool();
  std::atomic<int> inside{0};
  const auto fails_with_the_other = [&] {
    ++inside;
    eventually([&] { return inside == 2; });
    throw std::runtime_error("both");
  };
  EXPECT_THROW(
      pool.submit([&] { pool.fork_join(fails_with_the_other, fails_with_the_other); }).get(),
      std::runtime_error);
  EXPECT_EQ(pool.stats().suppressed, 1U);
}

TEST_P(fork_join, does_not_return_before_all_branches_have_ended) {
  auto pool = make_pool();
  for (int i = 0; i < 200; ++i) {
    std::atomic<int> inside{0};
    const auto slow = [&] {
      ++inside;
      std::this_thread::yield();
      --inside;
    };
    try {
      pool.fork_join(
          [&] {
            slow();
            throw 1;
          },
          slow, slow);
    } catch (int) {
    }
    EXPECT_EQ(inside, 0);
  }
}

TEST_P(fork_join, destroys_the_result_of_a_branch_whose_sibling_failed) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  for (int i = 0; i < 100; ++i) {
    EXPECT_THROW(pool.fork_join([] { return filch_test::counted(1); },
                                []() -> filch_test::counted { throw std::runtime_error("fail"); },
                                [] { return filch_test::counted(3); }),
                 std::runtime_error);
  }
}

TEST_P(fork_join, over_indices_calls_each_once) {
  auto pool = make_pool();
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000}}) {
    std::vector<int> calls(n, 0);
    pool.fork_join_n(n, [&](std::size_t i) { ++calls[i]; });
    for (const int c : calls) EXPECT_EQ(c, 1);
  }
}

TEST_P(fork_join, over_indices_throws_what_the_lowest_failing_index_threw) {
  auto pool = make_pool();
  for (int round = 0; round < 20; ++round) {
    try {
      pool.fork_join_n(64, [](std::size_t i) {
        if (i % 3 == 1) throw i;
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (std::size_t i) {
      EXPECT_EQ(i, 1U);
    }
  }
}

// Cheap ones run several in a row; all the more must each be met, in every shape of a range.
TEST_P(fork_join, over_very_many_cheap_indices_calls_each_once) {
  auto pool = make_pool();
  for (const std::size_t n : {std::size_t{65'537}, std::size_t{300'000}}) {
    std::vector<std::uint8_t> calls(n, 0);
    pool.fork_join_n(n, [&](std::size_t i) { ++calls[i]; });
    EXPECT_EQ(std::ranges::count(calls, 1), static_cast<std::ptrdiff_t>(n));
  }
}

TEST_P(fork_join, over_indices_skips_those_behind_one_that_failed_in_its_row) {
  auto pool = make_pool();
  std::atomic<bool> beyond{false};
  EXPECT_THROW(pool.fork_join_n(200'000,
                                [&](std::size_t i) {
                                  if (i == 999) throw std::runtime_error("999");
                                  // Ranges of thieves lie further to the right.
                                  if (i > 999 && i < 1010) beyond = true;
                                }),
               std::runtime_error);
  if (workers() <= 1) {
    EXPECT_FALSE(beyond);
  }
}

TEST_P(fork_join, over_indices_offers_each_as_long_as_none_was_cheap) {
  FILCH_NEEDS_CONCURRENT();
  if (workers() < 2) return;
  auto pool = make_pool();
  std::atomic<std::size_t> inside{0};
  std::atomic<bool> met{true};
  pool.submit([&] {
        pool.fork_join_n(2, [&](std::size_t) {
          ++inside;
          if (!eventually([&] { return inside == 2; })) met = false;
        });
      })
      .get();
  EXPECT_TRUE(met);
}

TEST_P(fork_join, its_branches_see_the_stop_of_the_call) {
  auto pool = make_pool();
  std::stop_source source;
  source.request_stop();
  bool seen = false;
  try {
    pool.with({.stop = source.get_token()}).fork_join([&] {
      seen = filch::this_job::stop_requested();
    });
  } catch (const filch::cancelled&) {
    seen = true;
  }
  EXPECT_TRUE(seen);
}

TEST_P(fork_join, is_refused_by_a_closed_pool) {
  auto pool = make_pool();
  pool.close();
  EXPECT_THROW(pool.fork_join([] {}, [] {}), filch::pool_closed);
  EXPECT_THROW(pool.fork_join_n(2, [](std::size_t) {}), filch::pool_closed);
}

TEST_P(fork_join, a_worker_that_sleeps_gets_up_for_a_fork) {
  FILCH_NEEDS_CONCURRENT();
  std::atomic<bool> right_ran{false};
  auto pool = make_pool_of(2);
  auto job = pool.submit([&] {
    std::this_thread::sleep_for(20ms);  // the other worker is asleep then
    filch::fork_join(
        [&] {
          while (!right_ran) std::this_thread::yield();
        },
        [&] { right_ran = true; });
  });
  EXPECT_TRUE(job.wait_for(20s));  // does not run it here
  job.get();
}

// A caller that sleeps in its left branch leaves its place to a worker.
TEST_P(fork_join, its_right_branch_runs_while_the_caller_sleeps_in_the_left) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate door;
  auto pool = make_pool_of(1);
  auto other = make_pool_of(1);
  auto visitor = other.submit([&] { door.wait(); });
  ASSERT_TRUE(door.wait_for_visitors(1));
  std::this_thread::sleep_for(20ms);  // the pool's worker sleeps too, so somebody must wake it
  pool.fork_join([&] { visitor.get(); }, [&] { door.open(); });
}

constexpr int very_deep = filch_test::under_thread_sanitizer ? 10'000 : 100'000;

/// Nests `depth` forks below each other.
long nest(int depth) {
  if (depth == 0) return 0;
  const auto [down, one] = filch::fork_join([depth] { return nest(depth - 1); }, [] { return 1; });
  return down + one;
}

// Guarantee: nesting without end is an error with a name, never a crash.
TEST_P(fork_join, nested_a_hundred_thousand_deep_finishes_or_names_the_limit) {
  allow(60s);
  auto pool = make_pool();
  try {
    EXPECT_EQ(pool.submit(nest, very_deep).get(), very_deep);
  } catch (const filch::nesting_limit& e) {
    EXPECT_NE(std::string(e.what()).find("stack"), std::string::npos) << e.what();
  }
  EXPECT_EQ(pool.submit(nest, 10).get(), 10) << "the pool is usable afterwards";
}

TEST_P(fork_join, nested_deeply_on_the_right_finishes_or_names_the_limit) {
  auto pool = make_pool();
  struct right {
    static long nest(int depth) {
      if (depth == 0) return 0;
      const auto [one, down] =
          filch::fork_join([] { return 1; }, [depth] { return nest(depth - 1); });
      return down + one;
    }
  };
  try {
    EXPECT_EQ(pool.submit(right::nest, very_deep).get(), very_deep);
  } catch (const filch::nesting_limit&) {
  }
  EXPECT_EQ(pool.submit(right::nest, 10).get(), 10);
}

}  // namespace
