#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <numeric>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/seeded.hpp"

namespace {

using filch_test::counted;
using filch_test::move_only;
using filch_test::no_leaks;

FILCH_CONFORMANCE(map);

int square(int x) { return x * x; }

std::vector<int> numbers(int n) {
  std::vector<int> xs(static_cast<std::size_t>(n));
  std::iota(xs.begin(), xs.end(), 0);
  return xs;
}
std::vector<int> squares(int n) {
  auto xs = numbers(n);
  std::ranges::transform(xs, xs.begin(), square);
  return xs;
}

// mirrors CPython test_map
TEST_P(map, gives_results_in_input_order) {
  auto pool = make_pool();
  EXPECT_EQ(pool.map(square, numbers(10)), squares(10));
  EXPECT_EQ(pool.with({.chunk = 20}).map(square, numbers(100)), squares(100));
  EXPECT_EQ(pool.map(square, numbers(40'000)), squares(40'000));
}

// mirrors CPython test_map_chunksize: any chunk, any length, no stall
TEST_P(map, gives_the_same_for_every_chunk_size) {
  auto pool = make_pool();
  for (const int n : {0, 1, 2, 7, 64, 1000}) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{3}, std::size_t{1000}, SIZE_MAX}) {
      EXPECT_EQ(pool.with({.chunk = chunk}).map(square, numbers(n)), squares(n))
          << n << " in chunks of " << chunk;
    }
  }
}

// mirrors CPython test_empty_iterable
TEST_P(map, of_nothing_is_empty) {
  auto pool = make_pool();
  const std::vector<int> none;
  EXPECT_TRUE(pool.map(square, none).empty());
  EXPECT_TRUE(pool.with({.chunk = 20}).map(square, std::list<int>{}).empty());
  EXPECT_TRUE(pool.starmap(square, std::vector<std::tuple<int>>{}).empty());
  EXPECT_TRUE(pool.map_try(square, none).empty());
  std::vector<int> out;
  EXPECT_EQ(pool.map_into(out, square, none), 0U);
  pool.for_each(none, square);
  pool.for_index(5, 2, square);
}

// mirrors CPython executor test_map: several iterables, the shortest decides
TEST_P(map, takes_several_ranges_up_to_the_end_of_the_shortest) {
  auto pool = make_pool();
  const std::vector<int> xs{1, 2, 3, 4};
  const std::list<int> ys{10, 20, 30};
  const auto sum = [](int x, int y, int z) { return x + y + z; };
  EXPECT_EQ(pool.map(sum, xs, ys, filch::repeat(100)), (std::vector{111, 122, 133}));
  EXPECT_EQ(pool.map(sum, xs, xs, std::vector<int>{1, 1}), (std::vector{3, 5}));
}

// mirrors CPython test_starmap
TEST_P(map, starmap_spreads_pairs_tuples_arrays_and_zips) {
  auto pool = make_pool();
  const auto power = [](int x, int n) { return n == 2 ? x * x : x; };
  std::vector<std::pair<int, int>> pairs;
  for (int i = 0; i < 100; ++i) pairs.emplace_back(i, 2);
  EXPECT_EQ(pool.starmap(power, pairs), squares(100));
  EXPECT_EQ(pool.with({.chunk = 20}).starmap(power, pairs), squares(100));
  EXPECT_EQ(pool.starmap(power, std::vector<std::array<int, 2>>{{3, 2}, {4, 1}}),
            (std::vector{9, 4}));
  EXPECT_EQ(pool.starmap(power, filch::zip(numbers(50), filch::repeat(2))), squares(50));
}

TEST_P(map, starmap_takes_a_constant_and_an_array) {
  auto pool = make_pool();
  const std::vector<double> xs{1, 2, 3};
  const auto scale = [](double factor, double x) { return factor * x; };
  EXPECT_EQ(pool.starmap(scale, filch::zip(filch::repeat(3.0), xs)), (std::vector{3.0, 6.0, 9.0}));
}

TEST_P(map, starmap_over_subranges_sums_a_range) {
  auto pool = make_pool();
  const auto sum = [](long low, long high) {
    long total = 0;
    for (long i = low; i < high; ++i) total += i;
    return total;
  };
  const auto parts = pool.starmap(sum, filch::subranges(0, 1'000'000L, 7));
  EXPECT_EQ(parts.size(), 7U);
  EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), 0L), 499'999'500'000L);
}

TEST_P(map, starmap_over_enumerate_knows_positions) {
  auto pool = make_pool();
  const std::vector<std::string> words{"a", "b", "c"};
  const auto label = [](std::size_t i, const std::string& w) { return w + std::to_string(i); };
  EXPECT_EQ(pool.starmap(label, filch::enumerate(words)),
            (std::vector<std::string>{"a0", "b1", "c2"}));
}

TEST_P(map, passes_elements_as_the_plain_loop_would) {
  auto pool = make_pool();
  auto xs = numbers(1000);
  pool.map([](int& x) { x *= 2; }, xs);
  EXPECT_EQ(xs[999], 1998);
  auto ys = numbers(1000);
  pool.map([](int& x, int y) { x += y; }, xs, ys);
  EXPECT_EQ(xs[999], 2997);
  const auto& fixed = xs;
  pool.map([](auto& x) { static_assert(std::is_const_v<std::remove_reference_t<decltype(x)>>); },
           fixed);
}

TEST_P(map, hands_the_elements_of_an_rvalue_container_over) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<move_only> xs;
  for (int i = 0; i < 100; ++i) xs.emplace_back(i);
  const auto taken = pool.map([](move_only x) { return x.value; }, std::move(xs));
  EXPECT_EQ(taken, numbers(100));
  std::list<move_only> list;
  list.emplace_back(5);
  EXPECT_EQ(pool.map([](move_only x) { return x.value; }, std::move(list)), std::vector{5});
}

TEST_P(map, leaves_the_elements_of_an_lvalue_alone) {
  auto pool = make_pool();
  std::vector<std::string> xs(50, "a text that is longer than any small buffer");
  const auto copies = pool.map([](std::string x) { return x; }, xs);
  EXPECT_EQ(copies, xs);
  EXPECT_EQ(xs[49], "a text that is longer than any small buffer");
}

TEST_P(map, gives_move_only_results) {
  const no_leaks check;
  auto pool = make_pool();
  const auto made = pool.map([](int x) { return move_only(x); }, numbers(1000));
  ASSERT_EQ(made.size(), 1000U);
  EXPECT_EQ(made[999].value, 999);
}

struct no_default {
  explicit no_default(int v) : value(v) {}
  std::string text = "kept";
  int value;
};

TEST_P(map, gives_results_without_a_default_constructor) {
  auto pool = make_pool();
  const auto made = pool.map([](int x) { return no_default(x); }, numbers(500));
  EXPECT_EQ(made[499].value, 499);
  EXPECT_EQ(made[499].text, "kept");
}

TEST_P(map, gives_the_right_bits_for_bool) {
  auto pool = make_pool();
  const std::vector<bool> odd =
      pool.with({.chunk = 1}).map([](int x) { return x % 2 == 1; }, numbers(10'000));
  for (std::size_t i = 0; i < odd.size(); ++i) ASSERT_EQ(odd[i], i % 2 == 1) << i;
  const auto back = pool.map([](bool b) { return b ? 1 : 0; }, odd);
  EXPECT_EQ(std::accumulate(back.begin(), back.end(), 0), 5000);
}

TEST_P(map, stores_copies_where_the_callable_gives_references) {
  auto pool = make_pool();
  const std::vector<std::string> xs{"a", "b"};
  const auto same = [](const std::string& x) -> const std::string& { return x; };
  const std::vector<std::string> copies = pool.map(same, xs);
  EXPECT_EQ(copies, xs);
  EXPECT_NE(&copies[0], &xs[0]);
}

TEST_P(map, calls_a_void_function_once_for_each_element) {
  auto pool = make_pool();
  std::vector<int> calls(5000);
  static_assert(std::is_void_v<decltype(pool.map([](std::size_t) {}, filch::range(1UL)))>);
  pool.map([&](std::size_t i) { ++calls[i]; }, filch::range(calls.size()));
  EXPECT_EQ(calls, std::vector<int>(5000, 1));
}

TEST_P(map, calls_members_and_function_pointers) {
  auto pool = make_pool();
  const std::vector<std::string> xs{"a", "bcd"};
  EXPECT_EQ(pool.map(&std::string::size, xs), (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(pool.map(&square, numbers(3)), squares(3));
}

TEST_P(map, passes_a_stop_token_to_who_cannot_do_without) {
  auto pool = make_pool();
  const auto f = [](const std::stop_token& stop, int x) { return stop.stop_possible() ? x : -1; };
  EXPECT_EQ(pool.map(f, numbers(10)), numbers(10));
  const auto g = [](const std::stop_token& stop, int x, int y) {
    return stop.stop_possible() ? x + y : -1;
  };
  EXPECT_EQ(pool.map(g, numbers(3), numbers(3)), (std::vector{0, 2, 4}));
}

TEST_P(map, keeps_no_copy_of_arguments_or_results) {  // mirrors CPython test_release_task_refs
  const no_leaks check;
  auto pool = make_pool();
  std::vector<counted> xs;
  for (int i = 0; i < 100; ++i) xs.emplace_back(i);
  const auto before = filch_test::ledger::global().live.load();
  {
    const auto made = pool.map([](const counted& x) { return counted(x.value * 2); }, xs);
    EXPECT_EQ(made[99].value, 198);
    EXPECT_EQ(filch_test::ledger::global().live.load(), before + 100);
  }
  EXPECT_EQ(filch_test::ledger::global().live.load(), before);
}

TEST_P(map, does_not_copy_the_callable) {
  auto pool = make_pool();
  const auto copies = filch_test::ledger::global().copies.load();
  const auto f = [c = counted(1)](int x) { return x + c.value; };
  EXPECT_EQ(pool.map(f, numbers(100)).back(), 100);
  EXPECT_EQ(filch_test::ledger::global().copies.load(), copies);
}

TEST_P(map, uses_more_than_one_thread) {
  FILCH_NEEDS_CONCURRENT();
  if (width() < 2) return;
  auto pool = make_pool();
  std::atomic<int> inside{0};
  // Both items wait for each other: only two threads can end this.
  pool.with({.chunk = 1})
      .map(
          [&](int) {
            ++inside;
            while (inside < 2) std::this_thread::yield();
          },
          numbers(2));
  EXPECT_EQ(inside, 2);
}

TEST_P(map, on_lane_io_runs_all_items_at_once_whatever_the_workers) {
  auto pool = make_pool();
  std::atomic<int> inside{0};
  pool.with(filch::on_io)
      .map(
          [&](int) {
            ++inside;
            while (inside < 14) std::this_thread::yield();
          },
          numbers(14));
  EXPECT_EQ(inside, 14);
}

TEST_P(map, runs_at_most_in_flight_items_at_once) {
  auto pool = make_pool();
  for (const std::size_t limit : {std::size_t{1}, std::size_t{3}}) {
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    pool.with({.in_flight = limit, .lane = filch::lane::io})
        .map(
            [&](int) {
              const int now = ++inside;
              int seen = most;
              while (seen < now && !most.compare_exchange_weak(seen, now)) {
              }
              std::this_thread::yield();
              --inside;
            },
            numbers(200));
    EXPECT_LE(most, static_cast<int>(limit));
  }
}

TEST_P(map, shows_the_name_of_the_call_to_its_items) {
  auto pool = make_pool();
  const auto names =
      pool.with({.name = "resize"})
          .map([](int) { return std::string(filch::this_job::name()); }, numbers(20));
  EXPECT_EQ(names, std::vector<std::string>(20, "resize"));
}

TEST_P(map, nests_in_itself) {
  auto pool = make_pool();
  const auto row = [&](int y) {
    const auto cells = pool.map([y](int x) { return x * y; }, numbers(50));
    return std::accumulate(cells.begin(), cells.end(), 0);
  };
  const auto rows = pool.map(row, numbers(50));
  EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), 0), 1225 * 1225);
}

TEST_P(map, as_a_free_function_uses_the_pool_of_the_running_job) {
  auto pool = make_pool();
  const auto seen = pool.submit([] { return filch::map(square, std::vector<int>{1, 2, 3}); }).get();
  EXPECT_EQ(seen, (std::vector{1, 4, 9}));
  EXPECT_EQ(
      filch::starmap([](int a, int b) { return a * b; }, filch::zip(filch::repeat(2), numbers(3))),
      (std::vector{0, 2, 4}));
}

TEST_P(map, map_into_writes_over_the_first_elements) {
  auto pool = make_pool();
  std::vector<int> out(12, -1);
  EXPECT_EQ(pool.map_into(out, square, numbers(10)), 10U);
  EXPECT_EQ(out[9], 81);
  EXPECT_EQ(out[10], -1);
  EXPECT_EQ(pool.map_into(std::span(out), [](int x, int y) { return x - y; }, out, out), 12U);
  EXPECT_EQ(out, std::vector<int>(12, 0));
  std::deque<std::string> texts(3);
  pool.map_into(texts, [](int x) { return std::to_string(x); }, numbers(3));
  EXPECT_EQ(texts[2], "2");
}

TEST_P(map, map_into_a_vector_of_bits_writes_all_of_them) {
  auto pool = make_pool();
  std::vector<bool> bits(10'000);
  pool.with({.chunk = 1}).map_into(bits, [](int x) { return x % 3 == 0; }, numbers(10'000));
  for (std::size_t i = 0; i < bits.size(); ++i) ASSERT_EQ(bits[i], i % 3 == 0) << i;
}

TEST_P(map, map_into_refuses_an_output_that_is_too_short) {
  auto pool = make_pool();
  std::vector<int> out(3);
  int calls = 0;
  EXPECT_THROW(
      pool.map_into(out, [&](int x) { return calls += x; }, numbers(4)), std::invalid_argument);
  EXPECT_EQ(calls, 0);
}

TEST_P(map, for_each_and_for_index_take_options_as_last_argument) {
  auto pool = make_pool();
  auto xs = numbers(100);
  pool.for_each(xs, [](int& x) { ++x; }, {.chunk = 3});
  EXPECT_EQ(xs[99], 100);
  std::vector<int> calls(77);
  pool.for_index(0, calls.size(), [&](std::size_t i) { ++calls[i]; }, {.chunk = 5});
  EXPECT_EQ(calls, std::vector<int>(77, 1));
  filch::for_each(xs, [](int& x) { x = 0; }, {.chunk = 9});
  EXPECT_EQ(std::accumulate(xs.begin(), xs.end(), 0), 0);
  filch::for_index(-3, 3, [&](int i) { ++calls[static_cast<std::size_t>(i + 3)]; });
  EXPECT_EQ(calls[5], 2);
  EXPECT_EQ(calls[6], 1);
}

TEST_P(map, for_each_ignores_what_the_callable_gives) {
  auto pool = make_pool();
  std::atomic<int> sum{0};
  pool.for_each(numbers(10), [&](int x) { return sum += x; });
  EXPECT_EQ(sum, 45);
}

TEST_P(map, tells_its_progress_with_growing_counts) {
  auto pool = make_pool();
  std::vector<filch::progress> told;  // plain: the calls come one at a time
  pool.with({.chunk = 10, .on_progress = [&](const filch::progress& p) { told.push_back(p); }})
      .map(square, numbers(1000));
  ASSERT_FALSE(told.empty());
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].total, 1000U);
    if (i > 0) {
      EXPECT_GT(told[i].done, told[i - 1].done);
    }
  }
  EXPECT_EQ(told.back().done, 1000U);
  EXPECT_EQ(told.back().failed, 0U);
}

TEST_P(map, after_close_throws_pool_closed) {  // mirrors CPython test_context, test_enter
  auto pool = make_pool();
  pool.close();
  EXPECT_THROW(pool.map(square, numbers(3)), filch::pool_closed);
  EXPECT_THROW((void)pool.map_async(square, numbers(3)), filch::pool_closed);
  EXPECT_THROW(pool.for_each(numbers(3), square), filch::pool_closed);
}

}  // namespace
