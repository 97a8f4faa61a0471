#include <filch/ranges.hpp>

#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace {

template <class R>
auto listed(R&& range) {
  std::vector<std::ranges::range_value_t<R>> all;
  for (auto&& x : range) all.emplace_back(x);
  return all;
}
template <class R>
constexpr bool indexed = std::ranges::random_access_range<R> && std::ranges::sized_range<R>;

TEST(zip, ends_with_the_shortest) {
  const std::vector<int> a{1, 2, 3};
  const std::vector<char> b{'x', 'y'};
  const auto zipped = filch::zip(a, b);
  ASSERT_EQ(zipped.size(), 2U);
  EXPECT_EQ(zipped[0], std::tuple(1, 'x'));
  EXPECT_EQ(zipped[1], std::tuple(2, 'y'));
}

TEST(zip, gives_references_where_its_ranges_do) {
  std::vector<int> a{1, 2};
  const std::vector<int> b{10, 20};
  auto zipped = filch::zip(a, b, filch::range(5, 7));
  static_assert(std::same_as<std::ranges::range_reference_t<decltype(zipped)>,
                             std::tuple<int&, const int&, int>>);
  for (auto [x, y, z] : zipped) x += y + z;
  EXPECT_EQ(a, (std::vector{16, 28}));
}

TEST(zip, can_be_indexed_where_all_its_ranges_can) {
  std::vector<int> a{1, 2, 3};
  std::list<int> l{1};
  static_assert(indexed<decltype(filch::zip(a))>);
  static_assert(indexed<const decltype(filch::zip(a, a))>);
  static_assert(indexed<decltype(filch::zip(filch::repeat(1), a))>);
  static_assert(indexed<decltype(filch::zip(std::views::iota(0), a))>);
  static_assert(!indexed<decltype(filch::zip(l, a))>);
  static_assert(std::ranges::bidirectional_range<decltype(filch::zip(l, a))>);
  auto zipped = filch::zip(a, filch::range(10, 13));
  const auto it = zipped.begin();
  EXPECT_EQ(zipped.end() - it, 3);
  EXPECT_EQ(it[2], std::tuple(3, 12));
  EXPECT_EQ(*(it + 1), std::tuple(2, 11));
  EXPECT_LT(it, zipped.end());
}

TEST(zip, of_move_only_elements_is_a_range) {
  std::vector<std::unique_ptr<int>> a;
  a.push_back(std::make_unique<int>(4));
  auto zipped = filch::zip(a, filch::repeat(2));
  static_assert(indexed<decltype(zipped)>);
  for (auto [p, n] : zipped) *p *= n;
  EXPECT_EQ(*a[0], 8);
}

TEST(zip, owns_what_it_is_given_as_rvalues) {
  auto zipped = filch::zip(std::vector<std::string>{"a", "b"}, std::vector<int>{1, 2});
  const auto moved = std::move(zipped);
  EXPECT_EQ(std::get<0>(moved[1]), "b");
}

TEST(zip, takes_single_pass_ranges) {
  std::istringstream in("7 8 9");
  const std::vector<int> two{1, 2};
  std::vector<int> sums;
  for (auto [x, y] : filch::zip(std::views::istream<int>(in), two)) sums.push_back(x + y);
  EXPECT_EQ(sums, (std::vector{8, 10}));
}

TEST(zip, of_nothing_is_empty) {
  const std::vector<int> none;
  EXPECT_TRUE(filch::zip(none, filch::repeat(1)).empty());
  EXPECT_EQ(listed(filch::zip(none, none)).size(), 0U);
}

TEST(zip, never_ends_only_if_all_its_ranges_never_end) {
  std::vector<int> a;
  static_assert(filch::is_unbounded<decltype(filch::repeat(1))>);
  static_assert(filch::is_unbounded<decltype(std::views::iota(0))>);
  static_assert(filch::is_unbounded<decltype(filch::zip(filch::repeat(1), std::views::iota(0)))>);
  static_assert(!filch::is_unbounded<decltype(filch::zip(filch::repeat(1), a))>);
  static_assert(!filch::is_unbounded<decltype(filch::repeat(1, 2))>);
  static_assert(!filch::is_unbounded<std::vector<int>>);
  auto squares = std::views::iota(1) | std::views::transform([](int x) { return x * x; });
  static_assert(filch::is_unbounded<decltype(squares)>);
  static_assert(!filch::is_unbounded<decltype(squares | std::views::take(3))>);
}

TEST(repeat, gives_one_value_n_times) {
  EXPECT_EQ(listed(filch::repeat(std::string("x"), 3)), (std::vector<std::string>{"x", "x", "x"}));
  EXPECT_TRUE(filch::repeat(1, 0).empty());
  EXPECT_TRUE(filch::repeat(1, -4).empty());
  EXPECT_EQ(filch::repeat(1, 5U).size(), 5U);
}

TEST(repeat, does_not_copy_its_value_for_each_element) {
  auto same = filch::repeat(std::make_unique<int>(3));
  EXPECT_EQ(*same[0], 3);
  EXPECT_EQ(&same[0], &same[1000]);
}

TEST(repeat, of_a_callable_can_be_moved_and_assigned) {
  int seen = 0;
  auto calls = filch::repeat([&seen](int x) { seen += x; });
  auto other = calls;
  other = calls;
  other[5](2);
  EXPECT_EQ(seen, 2);
}

TEST(enumerate, counts_from_zero) {
  std::vector<std::string> words{"a", "b"};
  for (auto [i, word] : filch::enumerate(words)) word += std::to_string(i);
  EXPECT_EQ(words, (std::vector<std::string>{"a0", "b1"}));
  static_assert(indexed<decltype(filch::enumerate(words))>);
}

TEST(range, counts_in_the_common_type_of_its_bounds) {
  EXPECT_EQ(listed(filch::range(2, 5)), (std::vector{2, 3, 4}));
  EXPECT_EQ(listed(filch::range(3)), (std::vector{0, 1, 2}));
  static_assert(
      std::same_as<std::ranges::range_value_t<decltype(filch::range(0, 1UL))>, unsigned long>);
  static_assert(
      std::same_as<std::ranges::range_value_t<decltype(filch::range(0, 1LL))>, long long>);
  static_assert(std::same_as<std::ranges::range_difference_t<decltype(filch::range(0, 1LL))>,
                             std::ptrdiff_t>);
}

TEST(range, is_empty_where_there_is_nothing_between) {
  EXPECT_TRUE(filch::range(5, 5).empty());
  EXPECT_TRUE(filch::range(5, -5).empty());
  EXPECT_TRUE(filch::range(5, 2U).empty());
}

TEST(range, reaches_from_the_lowest_integer_to_the_highest) {
  using limits = std::numeric_limits<std::int32_t>;
  const auto all = filch::range(limits::min(), limits::max());
  EXPECT_EQ(all.size(), 0xffffffffU);
  EXPECT_EQ(all[0], limits::min());
  EXPECT_EQ(all[0xfffffffe], limits::max() - 1);
  const std::int8_t low = -128;
  const std::int8_t high = 127;
  EXPECT_EQ(listed(filch::range(low, high)).back(), 126);
}

TEST(range, refuses_bounds_that_fit_no_type) {
  EXPECT_THROW(filch::range(-1, 5U), std::invalid_argument);
  EXPECT_THROW(filch::range(0, std::numeric_limits<std::uint64_t>::max()), std::length_error);
}

TEST(subranges, are_contiguous_and_differ_by_one_at_most) {
  for (const int n : {1, 2, 3, 7, 10, 64}) {
    for (const int length : {1, 2, 9, 10, 11, 100, 101}) {
      const auto pieces = filch::subranges(5, 5 + length, n);
      EXPECT_EQ(pieces.size(), static_cast<std::size_t>(std::min(n, length)));
      int next = 5;
      int shortest = length;
      int longest = 0;
      for (const auto& [low, high] : pieces) {
        EXPECT_EQ(low, next);
        next = high;
        shortest = std::min(shortest, high - low);
        longest = std::max(longest, high - low);
      }
      EXPECT_EQ(next, 5 + length);
      EXPECT_LE(longest - shortest, 1);
      EXPECT_GE(shortest, 1);
    }
  }
}

TEST(subranges, of_nothing_are_none) {
  EXPECT_TRUE(filch::subranges(3, 3, 4).empty());
  EXPECT_TRUE(filch::subranges(3, 1, 4).empty());
  EXPECT_TRUE(filch::subranges(0, 0, 0).empty());
}

TEST(subranges, need_a_positive_number_of_pieces) {
  EXPECT_THROW(filch::subranges(0, 10, 0), std::invalid_argument);
  EXPECT_THROW(filch::subranges(0, 10, -2), std::invalid_argument);
}

TEST(subranges, cover_ranges_near_the_limits_of_their_type) {
  using limits = std::numeric_limits<std::int64_t>;
  const auto pieces = filch::subranges(std::int64_t{0}, limits::max(), 3);
  EXPECT_EQ(pieces[0].first, 0);
  EXPECT_EQ(pieces[2].second, limits::max());
  EXPECT_EQ(pieces[1].first, pieces[0].second);
}

TEST(borrow, refers_to_the_container) {
  std::vector<int> xs{1};
  auto lent = filch::borrow(xs);
  xs[0] = 2;
  EXPECT_EQ(*lent.begin(), 2);
}

}  // namespace
