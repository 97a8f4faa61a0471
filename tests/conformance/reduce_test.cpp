#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
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

#include <filch/error.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>
#include <filch/reduce.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/input_range.hpp"
#include "support/seeded.hpp"

namespace {

using filch_test::counted;
using filch_test::move_only;
using filch_test::no_leaks;
using filch_test::seeded;

FILCH_CONFORMANCE(reduce);

const std::vector<std::size_t> lengths{0,   1,   2,   3,    4,    5,    7,      8,      9,      255,
                                       256, 257, 511, 1000, 1023, 1025, 10'000, 65'537, 300'001};

std::vector<double> noise(std::size_t n) {
  auto random = seeded();
  std::uniform_real_distribution<double> any(-1e6, 1e6);
  std::vector<double> xs(n);
  for (auto& x : xs) x = any(random) * std::pow(10.0, any(random) / 1e5);
  return xs;
}

TEST_P(reduce, sums_a_large_range) {
  auto pool = make_pool();
  EXPECT_EQ(pool.reduce(filch::range(0, 1'000'000), 0L, std::plus<>{}), 499'999'500'000L);
}

TEST_P(reduce, keeps_the_order_of_operands_that_do_not_commute) {
  auto pool = make_pool();
  for (const auto n : lengths) {
    if (n > 2000) continue;
    std::vector<std::string> letters;
    std::string expected = "init:";
    for (std::size_t i = 0; i < n; ++i) {
      letters.push_back(std::to_string(i) + ",");
      expected += letters.back();
    }
    EXPECT_EQ(pool.reduce(letters, std::string("init:"), std::plus<>{}), expected);
    EXPECT_EQ(pool.with({.chunk = 3}).reduce(letters, std::string("init:"), std::plus<>{}),
              expected);
  }
}

TEST_P(reduce, is_the_same_to_the_last_bit_for_every_worker_count_and_engine) {
  // The reference is made by a pool of one worker on filch's own engine.
  filch::pool one(1);
  auto pool = make_pool();
  for (const auto n : lengths) {
    const auto xs = noise(n);
    for (const std::size_t chunk : {0U, 1U, 7U, 4096U}) {
      const filch::job_options options{.chunk = chunk};
      const double expected = one.reduce(xs, 0.1, std::plus<>{}, options);
      for (int run = 0; run < 3; ++run) {
        const double sum = pool.reduce(xs, 0.1, std::plus<>{}, options);
        ASSERT_EQ(std::bit_cast<std::uint64_t>(sum), std::bit_cast<std::uint64_t>(expected))
            << n << " elements in chunks of " << chunk;
      }
    }
  }
}

TEST_P(reduce, depends_on_the_number_of_elements_and_not_on_their_container) {
  auto pool = make_pool();
  const auto xs = noise(12'345);
  const double expected = pool.reduce(xs, 0.0, std::plus<>{});
  EXPECT_EQ(pool.reduce(std::list<double>(xs.begin(), xs.end()), 0.0, std::plus<>{}), expected);
  EXPECT_EQ(pool.reduce(filch_test::input_range<double>(xs), 0.0, std::plus<>{}), expected);
  EXPECT_EQ(pool.with({.in_flight = 1}).reduce(xs, 0.0, std::plus<>{}), expected);
  EXPECT_EQ(pool.with(filch::on_io).reduce(xs, 0.0, std::plus<>{}), expected);
}

TEST_P(reduce, of_nothing_is_the_initial_value) {
  auto pool = make_pool();
  EXPECT_EQ(pool.reduce(std::vector<int>{}, 42, std::plus<>{}), 42);
  EXPECT_EQ(pool.transform_reduce(std::vector<int>{}, 42, std::plus<>{}, std::negate<>{}), 42);
}

TEST_P(reduce, combines_the_initial_value_once_and_leftmost) {
  auto pool = make_pool();
  for (const auto n : lengths) {
    const std::vector<int> ones(n, 1);
    EXPECT_EQ(pool.reduce(ones, 1000L, std::plus<>{}), 1000L + static_cast<long>(n));
  }
}

TEST_P(reduce, converts_each_element_to_the_type_of_the_initial_value_first) {
  auto pool = make_pool();
  // In the elements' own type this would overflow.
  const std::vector<std::uint8_t> xs(1000, 200);
  EXPECT_EQ(pool.reduce(xs, 0, std::plus<>{}), 200'000);
  // The other way round: everything is cut to the narrow type.
  EXPECT_EQ(pool.reduce(std::vector<double>{1.9, 2.9}, 0, std::plus<>{}), 3);
}

TEST_P(reduce, calls_the_operation_once_for_each_element) {
  auto pool = make_pool();
  std::atomic<std::size_t> calls{0};
  for (const auto n : lengths) {
    calls = 0;
    pool.reduce(std::vector<int>(n), 0, [&](int a, int b) {
      ++calls;
      return a + b;
    });
    EXPECT_EQ(calls, n);
  }
}

TEST_P(reduce, moves_values_that_only_move) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<move_only> xs;
  for (int i = 0; i < 1000; ++i) xs.emplace_back(i);
  const auto sum = pool.reduce(std::move(xs), move_only(0), [](move_only a, const move_only& b) {
    a.value += b.value;
    return a;
  });
  EXPECT_EQ(sum.value, 499'500);
}

TEST_P(reduce, transform_reduce_calls_the_function_once_for_each_element) {
  auto pool = make_pool();
  std::vector<int> calls(10'000);
  const auto sum =
      pool.transform_reduce(filch::range(calls.size()), 0.0, std::plus<>{}, [&](std::size_t i) {
        ++calls[i];
        return static_cast<double>(i) / 2;
      });
  EXPECT_EQ(sum, 10'000 * 9'999 / 4.0);
  EXPECT_EQ(calls, std::vector<int>(10'000, 1));
}

TEST_P(reduce, throws_what_the_plain_loop_would_have_thrown) {
  const no_leaks check;
  auto pool = make_pool();
  const auto f = [](int x) {
    if (x % 1000 == 777) throw x;
    return counted(x);
  };
  const auto add = [](const counted& a, const counted& b) { return counted(a.value + b.value); };
  for (int run = 0; run < 10; ++run) {
    try {
      pool.transform_reduce(filch::range(20'000), counted(0), add, f);
      ADD_FAILURE() << "no exception";
    } catch (int x) {
      EXPECT_EQ(x, 777);
    }
  }
}

TEST_P(reduce, collects_errors_by_the_index_of_the_element) {
  const no_leaks check;
  auto pool = make_pool();
  const auto f = [](int x) {
    if (x == 1234 || x == 9999) throw std::runtime_error("bad");
    return counted(x);
  };
  const auto add = [](const counted& a, const counted& b) { return counted(a.value + b.value); };
  try {
    pool.with({.errors = filch::errors::collect})
        .transform_reduce(filch::range(10'000), counted(0), add, f);
    ADD_FAILURE() << "no exception";
  } catch (const filch::errors_list& e) {
    ASSERT_EQ(e.errors().size(), 2U);
    EXPECT_EQ(e.errors()[0].index, 1234U);
    EXPECT_EQ(e.errors()[1].index, 9999U);
  }
}

TEST_P(reduce, whose_operation_throws_leaks_nothing) {
  const no_leaks check;
  auto pool = make_pool();
  const std::vector<counted> xs(5000, counted(1));
  for (const int limit : {2, 100, 1000, 4000}) {
    const auto add = [limit](const counted& a, const counted& b) {
      if (a.value + b.value >= limit) throw std::runtime_error("too much");
      return counted(a.value + b.value);
    };
    EXPECT_THROW(pool.reduce(xs, counted(0), add), std::runtime_error);
  }
}

TEST_P(reduce, can_be_stopped) {
  auto pool = make_pool();
  std::stop_source source;
  const auto f = [&](int x) {
    source.request_stop();
    return x;
  };
  EXPECT_THROW(pool.transform_reduce(filch::range(100'000), 0, std::plus<>{}, f,
                                     {.stop = source.get_token()}),
               filch::cancelled);
}

TEST_P(reduce, tells_its_progress_in_elements) {
  auto pool = make_pool();
  filch::progress last;
  pool.reduce(filch::range(100'001), 0L, std::plus<>{},
              {.on_progress = [&](const filch::progress& p) { last = p; }});
  EXPECT_EQ(last.done, 100'001U);
  EXPECT_EQ(last.total, 100'001U);
}

// ---- scan -------------------------------------------------------------------------------------

TEST_P(reduce, scan_gives_every_prefix) {
  auto pool = make_pool();
  for (const auto n : lengths) {
    std::vector<long> xs(n);
    std::iota(xs.begin(), xs.end(), -5L);
    std::vector<long> expected(n);
    std::inclusive_scan(xs.begin(), xs.end(), expected.begin());
    EXPECT_EQ(pool.scan(xs, std::plus<>{}), expected) << n;
    EXPECT_EQ(pool.scan(xs, std::plus<>{}, {.chunk = 3}), expected) << n;
    std::inclusive_scan(xs.begin(), xs.end(), expected.begin(), std::plus<>{}, 100L);
    EXPECT_EQ(pool.scan(xs, 100L, std::plus<>{}), expected) << n;
  }
}

TEST_P(reduce, scan_keeps_the_order_of_operands) {
  auto pool = make_pool();
  const std::vector<std::string> xs{"a", "b", "c", "d", "e"};
  EXPECT_EQ(pool.scan(xs, std::plus<>{}, {.chunk = 2}),
            (std::vector<std::string>{"a", "ab", "abc", "abcd", "abcde"}));
  EXPECT_EQ(pool.scan(xs, std::string(">"), std::plus<>{}, {.chunk = 2}).back(), ">abcde");
}

TEST_P(reduce, scan_is_the_same_to_the_last_bit_for_every_worker_count) {
  filch::pool one(1);
  auto pool = make_pool();
  const auto xs = noise(100'003);
  EXPECT_EQ(pool.scan(xs, std::plus<>{}), one.scan(xs, std::plus<>{}));
}

TEST_P(reduce, scan_that_fails_leaks_nothing) {
  const no_leaks check;
  auto pool = make_pool();
  const std::vector<counted> xs(5000, counted(1));
  for (const int limit : {2, 15, 19, 20, 1000, 4999}) {
    const auto add = [limit](const counted& a, const counted& b) {
      if (a.value + b.value >= limit) throw std::runtime_error("too much");
      return counted(a.value + b.value);
    };
    EXPECT_THROW(pool.scan(xs, add), std::runtime_error);
  }
  std::stop_source source;
  source.request_stop();
  const auto add = [](const counted& a, const counted& b) { return counted(a.value + b.value); };
  EXPECT_THROW(pool.scan(xs, add, {.stop = source.get_token()}), filch::cancelled);
}

TEST_P(reduce, as_a_free_function_takes_options_as_well) {
  EXPECT_EQ(filch::reduce(filch::range(100), 0, std::plus<>{}, {.chunk = 7}), 4950);
  EXPECT_EQ(filch::transform_reduce(filch::range(100), 0, std::plus<>{}, std::negate<>{}), -4950);
  EXPECT_EQ(filch::scan(filch::range(3), std::plus<>{}), (std::vector{0, 1, 3}));
}

}  // namespace
