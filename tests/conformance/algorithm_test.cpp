#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <filch/algorithm.hpp>
#include <filch/error.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/seeded.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::counted;
using filch_test::move_only;
using filch_test::no_leaks;
using filch_test::seeded;
using filch_test::throwing_move;

FILCH_CONFORMANCE(algorithm);

std::vector<int> shuffled(int n, int kinds) {
  auto random = seeded(static_cast<std::uint64_t>(n));
  std::vector<int> xs(static_cast<std::size_t>(n));
  for (auto& x : xs) x = static_cast<int>(random() % static_cast<unsigned>(kinds));
  return xs;
}

/// How many comparisons sorting takes; the last fifth of them or so are made while merging.
template <class T>
long comparisons(filch_test::test_pool& pool, std::vector<T> xs) {
  std::atomic<long> calls{0};
  pool.sort(xs, [&](const T& a, const T& b) {
    ++calls;
    return a < b;
  });
  return calls;
}

TEST_P(algorithm, sort_sorts_every_length) {
  auto pool = make_pool();
  for (const int n : {0, 1, 2, 3, 100, 4095, 4096, 4097, 8193, 20'000, 131'073}) {
    for (const int kinds : {1, 2, 1000, 1'000'000'000}) {
      auto xs = shuffled(n, kinds);
      auto expected = xs;
      std::ranges::sort(expected);
      pool.sort(xs);
      ASSERT_EQ(xs, expected) << n << " elements of " << kinds << " kinds";
    }
  }
}

TEST_P(algorithm, sort_sorts_what_is_sorted_already_or_backwards) {
  auto pool = make_pool();
  std::vector<int> up(50'000);
  std::iota(up.begin(), up.end(), 0);
  auto xs = up;
  pool.sort(xs);
  EXPECT_EQ(xs, up);
  pool.sort(xs, std::greater<>{});
  EXPECT_EQ(xs.front(), 49'999);
  pool.sort(xs);
  EXPECT_EQ(xs, up);
}

struct person {
  std::string name;
  int age = 0;
};

TEST_P(algorithm, sort_takes_a_comparison_a_projection_and_options) {
  auto pool = make_pool();
  std::deque<person> people;
  for (const int age : shuffled(10'000, 1'000'000)) people.push_back({std::to_string(age), age});
  pool.sort(people, {}, &person::age);
  EXPECT_TRUE(std::ranges::is_sorted(people, {}, &person::age));
  pool.sort(people, std::ranges::greater{}, &person::name, {.name = "names"});
  EXPECT_TRUE(std::ranges::is_sorted(people, std::ranges::greater{}, &person::name));
  for (const auto& p : people) ASSERT_EQ(p.name, std::to_string(p.age));
}

TEST_P(algorithm, sort_moves_elements_that_only_move) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<move_only> xs;
  for (const int x : shuffled(20'000, 1'000'000)) xs.emplace_back(x);
  pool.sort(xs);
  EXPECT_TRUE(std::ranges::is_sorted(xs));
}

TEST_P(algorithm, sort_does_without_moves_that_may_throw_and_real_references) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<throwing_move> xs;
  for (const int x : shuffled(5000, 1000)) xs.emplace_back(x);
  pool.sort(xs);
  EXPECT_TRUE(std::ranges::is_sorted(xs));
  std::vector<bool> bits(5000);
  for (std::size_t i = 0; i < bits.size(); i += 3) bits[i] = true;
  const auto ones = std::ranges::count(bits, true);
  pool.sort(bits);
  EXPECT_TRUE(std::is_sorted(bits.begin(), bits.end()));
  EXPECT_EQ(std::ranges::count(bits, true), ones);
}

// mirrors Rayon's sort_panic_safe
TEST_P(algorithm, sort_whose_comparison_throws_destroys_every_element_once) {
  const no_leaks check;
  auto pool = make_pool();
  const auto values = shuffled(20'000, 1'000'000);
  const auto all = static_cast<unsigned long>(
      comparisons(pool, std::vector<counted>(values.begin(), values.end())));
  auto random = seeded();
  for (int run = 0; run < 20; ++run) {
    // From 1 to what is sure to be reached: how much merging takes varies a little.
    std::atomic<long> left{1 + static_cast<long>(random() % (all * 9 / 10))};
    std::vector<counted> xs(values.begin(), values.end());
    EXPECT_THROW(pool.sort(xs,
                           [&](const counted& a, const counted& b) {
                             if (--left == 0) throw std::runtime_error("incomparable");
                             return a < b;
                           }),
                 std::runtime_error);
    EXPECT_EQ(xs.size(), 20'000U);
  }
}

TEST_P(algorithm, sort_that_fails_while_merging_loses_no_element) {
  auto pool = make_pool();
  auto expected = shuffled(40'000, 1'000'000);
  // Blocks that are sorted already: only merging makes the comparisons that fail.
  const std::size_t block = expected.size() / 16;
  for (std::size_t b = 0; b < 16; ++b) {
    const auto at = expected.begin() + static_cast<std::ptrdiff_t>(b * block);
    std::sort(at, at + static_cast<std::ptrdiff_t>(block));
  }
  const auto origin = expected;
  std::ranges::sort(expected);
  auto random = seeded();
  const long all = comparisons(pool, origin);
  for (int run = 0; run < 20; ++run) {
    std::atomic<long> left{all - static_cast<long>(random() % static_cast<unsigned long>(all / 6))};
    auto xs = origin;
    bool threw = false;
    try {
      pool.sort(xs, [&](int a, int b) {
        if (--left == 0) throw std::runtime_error("incomparable");
        return a < b;
      });
    } catch (const std::runtime_error&) {
      threw = true;
    }
    if (!threw) {
      EXPECT_EQ(xs, expected);
    }
    std::ranges::sort(xs);
    ASSERT_EQ(xs, expected);
  }
}

TEST_P(algorithm, sort_that_is_stopped_throws_and_keeps_all_elements) {
  auto pool = make_pool();
  const auto origin = shuffled(50'000, 1'000'000);
  auto expected = origin;
  std::ranges::sort(expected);
  const long all = comparisons(pool, origin);
  for (const long after : {1L, all / 2, all - all / 6, all - all / 10}) {
    std::stop_source source;
    std::atomic<long> left{after};
    auto xs = origin;
    try {
      pool.sort(xs,
                [&](int a, int b) {
                  if (--left == 0) source.request_stop();
                  return a < b;
                },
                {}, {.stop = source.get_token()});
    } catch (const filch::cancelled&) {
    }
    std::ranges::sort(xs);
    ASSERT_EQ(xs, expected);
  }
}

TEST_P(algorithm, sort_survives_a_comparison_that_contradicts_itself) {
  const no_leaks check;
  auto pool = make_pool();
  // Such answers would run std::sort out of its array; given while runs are merged, they must not
  // run ours out of its own.
  std::vector<counted> xs;
  for (int i = 0; i < 50'000; ++i) xs.emplace_back(i);
  const long all = comparisons(pool, xs);
  std::atomic<long> calls{0};
  pool.sort(xs, [&](const counted& a, const counted& b) {
    return ++calls > all - all / 8 ? (calls % 2 == 0) : a.value < b.value;
  });
  EXPECT_EQ(xs.size(), 50'000U);
}

TEST_P(algorithm, find_first_gives_the_first_match) {
  auto pool = make_pool();
  std::vector<int> xs(100'000);
  std::iota(xs.begin(), xs.end(), 0);
  for (const int wanted : {0, 1, 777, 50'000, 99'999}) {
    const auto at = pool.find_first(xs, [=](int x) { return x >= wanted; });
    ASSERT_NE(at, xs.end());
    EXPECT_EQ(*at, wanted);
    EXPECT_EQ(*pool.find_first(xs, [=](int x) { return x >= wanted; }, {.chunk = 3}), wanted);
  }
}

TEST_P(algorithm, find_gives_the_end_where_nothing_matches) {
  auto pool = make_pool();
  const std::vector<int> xs(1000);
  const auto no = [](int) { return false; };
  EXPECT_EQ(pool.find_first(xs, no), xs.end());
  EXPECT_EQ(pool.find_any(xs, no), xs.end());
  const std::vector<int> none;
  EXPECT_EQ(pool.find_any(none, no), none.end());
}

TEST_P(algorithm, find_any_gives_some_match) {
  auto pool = make_pool();
  std::vector<int> xs(100'000);
  std::iota(xs.begin(), xs.end(), 0);
  const auto at = pool.find_any(xs, [](int x) { return x % 1000 == 999; });
  ASSERT_NE(at, xs.end());
  EXPECT_EQ(*at % 1000, 999);
}

TEST_P(algorithm, find_works_on_ranges_that_cannot_be_indexed) {
  auto pool = make_pool();
  std::list<std::string> words{"a", "bb", "ccc"};
  const auto at = pool.find_first(words, [](const std::string& w) { return w.size() == 2; });
  ASSERT_NE(at, words.end());
  EXPECT_EQ(*at, "bb");
  *at = "found";  // an iterator into the very list
  EXPECT_EQ(*std::next(words.begin()), "found");
  EXPECT_EQ(*pool.find_any(filch::range(0, 100), [](int x) { return x == 42; }), 42);
}

TEST_P(algorithm, find_stops_early) {
  auto pool = make_pool();
  std::atomic<int> calls{0};
  const auto near_the_front = [&](int x) {
    ++calls;
    std::this_thread::sleep_for(50us);
    return x == 3;
  };
  pool.find_first(filch::range(0, 10'000), near_the_front);
  EXPECT_LT(calls, 5000);
  calls = 0;
  pool.find_any(filch::range(0, 10'000), near_the_front);
  EXPECT_LT(calls, 5000);
}

TEST_P(algorithm, a_stop_that_comes_with_the_match_takes_nothing_away) {
  auto pool = make_pool();
  for (const std::size_t chunk : {0U, 1U, 2U, 8U}) {
    std::stop_source source;
    const auto first = [&](int x) {
      if (x == 0) source.request_stop();
      return x == 0;
    };
    // What lies above the match need not run, whoever has asked to stop.
    const std::vector<int> xs{0, 1, 2, 3, 4, 5, 6, 7};
    EXPECT_EQ(pool.find_first(xs, first, {.chunk = chunk, .stop = source.get_token()}), xs.begin());
  }
}

TEST_P(algorithm, find_first_throws_only_what_the_plain_loop_would_have_met) {
  auto pool = make_pool();
  for (int run = 0; run < 20; ++run) {
    const auto bad_after = [](int x) {
      if (x > 500) throw x;
      return x == 500;
    };
    EXPECT_EQ(*pool.find_first(filch::range(0, 1000), bad_after, {.chunk = 1}), 500);
    const auto bad_before = [](int x) {
      if (x % 100 == 99) throw x;
      return x == 500;
    };
    try {
      pool.find_first(filch::range(0, 1000), bad_before, {.chunk = 1});
      ADD_FAILURE() << "no exception";
    } catch (int x) {
      EXPECT_EQ(x, 99);
    }
  }
}

TEST_P(algorithm, find_can_be_stopped) {
  auto pool = make_pool();
  std::stop_source source;
  source.request_stop();
  const auto f = [](int x) { return x == 5; };
  EXPECT_THROW(pool.find_first(filch::range(0, 10), f, {.stop = source.get_token()}),
               filch::cancelled);
}

TEST_P(algorithm, as_free_functions_take_options_as_well) {
  std::vector<int> xs{3, 1, 2};
  filch::sort(xs, std::greater<>{}, {}, {.chunk = 1});
  EXPECT_EQ(xs, (std::vector{3, 2, 1}));
  EXPECT_EQ(filch::find_first(xs, [](int x) { return x < 3; }), xs.begin() + 1);
  EXPECT_EQ(filch::find_any(xs, [](int x) { return x == 1; }, {.chunk = 1}), xs.begin() + 2);
}

}  // namespace
