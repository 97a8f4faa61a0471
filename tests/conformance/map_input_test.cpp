#include <cstddef>
#include <forward_list>
#include <iterator>
#include <list>
#include <map>
#include <numeric>
#include <ranges>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>
#include <filch/reduce.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/input_range.hpp"
#include "support/throwing_range.hpp"

namespace {

using filch_test::failing;
using filch_test::input_range;
using filch_test::move_only;
using filch_test::no_leaks;
using filch_test::range_failed;
using filch_test::throwing_range;

FILCH_CONFORMANCE(map_input);

int twice(int x) { return 2 * x; }

TEST_P(map_input, may_be_a_list_a_set_or_a_map) {
  auto pool = make_pool();
  std::list<int> list{1, 2, 3};
  EXPECT_EQ(pool.map(twice, list), (std::vector{2, 4, 6}));
  EXPECT_EQ(pool.map(twice, std::set<int>{3, 1}), (std::vector{2, 6}));
  const std::map<int, std::string> map{{1, "a"}, {2, "b"}};
  EXPECT_EQ(pool.starmap([](int k, const std::string& v) { return v + std::to_string(k); }, map),
            (std::vector<std::string>{"a1", "b2"}));
  pool.for_each(list, [](int& x) { x = 7; });
  EXPECT_EQ(list, (std::list{7, 7, 7}));
}

TEST_P(map_input, may_be_a_view) {
  auto pool = make_pool();
  const std::vector<int> xs{1, 2, 3, 4, 5, 6};
  auto even = xs | std::views::filter([](int x) { return x % 2 == 0; });
  EXPECT_EQ(pool.map(twice, even), (std::vector{4, 8, 12}));
  EXPECT_EQ(pool.map(twice, xs | std::views::reverse | std::views::take(2)), (std::vector{12, 10}));
  EXPECT_EQ(pool.map(twice, xs | std::views::transform(twice)),
            (std::vector{4, 8, 12, 16, 20, 24}));
  EXPECT_EQ(pool.map([](long x) { return x; }, std::views::iota(0L, 3L)),
            (std::vector<long>{0, 1, 2}));
  EXPECT_EQ(pool.map([](char c) { return c; }, std::string_view("ab")), (std::vector{'a', 'b'}));
}

TEST_P(map_input, may_be_single_pass_and_is_advanced_by_the_caller_only) {
  auto pool = make_pool();
  input_range<int> xs({1, 2, 3});
  EXPECT_EQ(pool.map(twice, xs), (std::vector{2, 4, 6}));
  EXPECT_EQ(xs.steps(), 3U);
  EXPECT_TRUE(xs.advanced_by_its_maker_only());
  std::istringstream in("4 5 6");
  EXPECT_EQ(pool.map([](int& x) { return x; }, std::views::istream<int>(in)),
            (std::vector{4, 5, 6}));
}

TEST_P(map_input, may_be_single_pass_with_elements_that_only_move) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<move_only> values;
  for (int i = 0; i < 20; ++i) values.emplace_back(i);
  input_range<move_only> xs(std::move(values));
  const auto seen = pool.map([](move_only x) { return x.value; }, xs);
  ASSERT_EQ(seen.size(), 20U);
  EXPECT_EQ(seen[19], 19);
}

TEST_P(map_input, may_zip_single_pass_ranges_with_others) {
  auto pool = make_pool();
  input_range<std::string> words({"a", "b", "c"});
  std::vector<int> seen(3);
  const auto f = [](std::string w, int& x, int k) {
    x = k;
    return w + std::to_string(k);
  };
  EXPECT_EQ(pool.map(f, std::move(words), seen, std::views::iota(1)),
            (std::vector<std::string>{"a1", "b2", "c3"}));
  EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TEST_P(map_input, of_a_borrowed_range_is_not_moved_from) {
  auto pool = make_pool();
  std::vector<std::string> xs(3, "long enough not to fit into a small buffer");
  pool.map([](std::string x) { return x; }, std::ranges::subrange(xs));
  EXPECT_EQ(xs[0].size(), 42U);
  pool.map([](std::string x) { return x; }, xs | std::views::all);
  EXPECT_EQ(xs[2].size(), 42U);
}

// mirrors CPython test_map_handle_iterable_exception: at the first element, in the middle, for
// every kind of range; the error is not wrapped, and the pool stays usable.
template <class Category>
void throws_on(filch_test::test_pool& pool, failing where) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{5}, std::size_t{9}}) {
    const throwing_range<Category> xs(10, at, where);
    try {
      pool.map(twice, xs);
      ADD_FAILURE() << "no exception for element " << at;
    } catch (const range_failed& e) {
      EXPECT_EQ(e.index, where == failing::begin ? 0 : at);
    }
    EXPECT_THROW(pool.reduce(xs, 0, std::plus<>{}), range_failed);
    EXPECT_THROW(pool.for_each(xs, twice), range_failed);
    EXPECT_THROW((void)pool.map_async(twice, xs).get(), range_failed);
    EXPECT_EQ(pool.map(twice, std::vector<int>{1}), std::vector<int>{2});
  }
}

TEST_P(map_input, whose_iterator_throws_passes_the_exception_on) {
  const no_leaks check;
  auto pool = make_pool();
  for (const auto where : {failing::begin, failing::dereference, failing::increment}) {
    throws_on<std::input_iterator_tag>(pool, where);
    throws_on<std::forward_iterator_tag>(pool, where);
  }
  // Indexed in place: nothing is advanced.
  throws_on<std::random_access_iterator_tag>(pool, failing::begin);
  throws_on<std::random_access_iterator_tag>(pool, failing::dereference);
}

TEST_P(map_input, that_fails_calls_nothing) {
  auto pool = make_pool();
  int calls = 0;
  const throwing_range<> xs(10, 9, failing::increment);
  EXPECT_THROW(pool.map([&](int) { ++calls; }, xs), range_failed);
  EXPECT_EQ(calls, 0);
}

/// A range that lies about its length, as iterables may whose __len__ is wrong.
struct liar {
  std::list<int> values{1, 2, 3};
  auto begin() const { return values.begin(); }
  auto end() const { return values.end(); }
  std::size_t size() const { return 1; }
};

TEST_P(map_input, that_lies_about_its_length_is_taken_as_it_comes) {
  auto pool = make_pool();
  EXPECT_EQ(pool.map(twice, liar{}), (std::vector{2, 4, 6}));
}

}  // namespace
