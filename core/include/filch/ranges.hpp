#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <filch/detail/index_view.hpp>
#include <filch/detail/zip_view.hpp>

/// \file
/// Ranges made for `starmap` and its kin: `starmap(scale, zip(repeat(3.0), xs))`.

namespace filch {
inline namespace v0 {

/// True where the type of a range says that it never ends: `repeat(x)`, `std::views::iota(0)`, a
/// zip of only such. Verbs that need an end refuse these at compile time.
template <class R>
inline constexpr bool is_unbounded = detail::unbounded_v<std::remove_cvref_t<R>>;

/// Tuples of one element of each range, as long as the shortest; references where the ranges give
/// references.
/// Cost: nothing is copied; random access, and sized, where all the ranges are (`repeat(x)`
/// counts). Lifetime: refers to ranges given as lvalues, owns those given as rvalues.
template <std::ranges::viewable_range... Rs>
  requires(sizeof...(Rs) > 0)
constexpr auto zip(Rs&&... ranges) {
  return detail::zip_view<std::views::all_t<Rs>...>(std::views::all(std::forward<Rs>(ranges))...);
}

/// One value for ever, for zipping with something that ends. The view owns the value.
template <class T>
constexpr auto repeat(T&& value) {
  return detail::repeat_view<std::decay_t<T>, true>(std::in_place, std::forward<T>(value));
}
/// One value `n` times; not at all if `n` is negative.
template <class T, std::integral N>
constexpr auto repeat(T&& value, N n) {
  const auto times = std::cmp_less(n, 0) ? std::ptrdiff_t{0} : static_cast<std::ptrdiff_t>(n);
  return detail::repeat_view<std::decay_t<T>, false>(std::in_place, std::forward<T>(value), times);
}

namespace detail {

/// How many integers there are from `low` to below `high`.
template <class T>
constexpr std::ptrdiff_t integers_between(T low, T high) {
  if (high <= low) return 0;
  const auto n = static_cast<std::make_unsigned_t<T>>(static_cast<std::make_unsigned_t<T>>(high) -
                                                      static_cast<std::make_unsigned_t<T>>(low));
  if (std::cmp_greater(n, std::numeric_limits<std::ptrdiff_t>::max())) {
    throw std::length_error("filch::range: more integers than a range can count; split it");
  }
  return static_cast<std::ptrdiff_t>(n);
}

/// Both bounds in the type that is common to them.
template <class A, class B>
constexpr auto common_bounds(A low, B high) {
  using common = std::common_type_t<A, B>;
  if (std::cmp_greater_equal(low, high)) return std::pair<common, common>(0, 0);
  if (!std::in_range<common>(low)) {
    throw std::invalid_argument(
        "filch::range: a negative lower bound with an unsigned upper one; make both signed");
  }
  return std::pair<common, common>(static_cast<common>(low), static_cast<common>(high));
}

template <class T>
concept countable =
    std::integral<T> && !std::same_as<std::remove_cv_t<T>, bool> && !std::same_as<T, char> &&
    !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
    !std::same_as<T, char32_t>;

}  // namespace detail

/// The integers from `low` to below `high`, in their common type; none if `high <= low`.
/// Throws: `std::invalid_argument` where that type cannot hold a negative `low`;
/// `std::length_error` for more than PTRDIFF_MAX integers.
template <detail::countable A, detail::countable B>
constexpr auto range(A low, B high) {
  const auto bounds = detail::common_bounds(low, high);
  using integer = decltype(bounds.first);
  return detail::index_view<detail::count_from<std::remove_const_t<integer>>>(
      {bounds.first}, detail::integers_between(bounds.first, bounds.second));
}
/// The integers from 0 to below `high`.
template <detail::countable T>
constexpr auto range(T high) {
  return range(T{0}, high);
}

/// Pairs of position and element: `for (auto [i, x] : enumerate(xs))`.
template <std::ranges::viewable_range R>
constexpr auto enumerate(R&& r) {
  using positions = detail::endless_index_view<detail::count_from<std::size_t>>;
  return filch::zip(positions(detail::count_from<std::size_t>{0}), std::forward<R>(r));
}

/// Cuts the integers from `low` to below `high` into `n` contiguous pieces `{low, high}` whose
/// lengths differ by at most one; fewer than `n` pieces where there are fewer integers.
/// Throws: `std::invalid_argument` if there is something to cut and `n` is not positive.
template <detail::countable A, detail::countable B, std::integral N>
constexpr auto subranges(A low, B high, N n) {
  const auto bounds = detail::common_bounds(low, high);
  using integer = std::remove_const_t<decltype(bounds.first)>;
  const auto length = detail::integers_between(bounds.first, bounds.second);
  if (length > 0 && std::cmp_less(n, 1)) {
    throw std::invalid_argument("filch::subranges: at least one piece is needed");
  }
  const auto pieces = std::cmp_less(n, length) ? static_cast<std::ptrdiff_t>(n) : length;
  const auto total = static_cast<std::size_t>(length);
  const auto count = static_cast<std::size_t>(pieces > 0 ? pieces : 1);
  return detail::index_view<detail::piece_of<integer>>({bounds.first, total / count, total % count},
                                                       pieces);
}

/// Lends a container to an asynchronous verb, which would otherwise copy it.
/// Lifetime: the container must outlive the call's result.
template <std::ranges::range R>
constexpr auto borrow(R& r) {
  return std::ranges::ref_view<R>(r);
}
template <class R>
void borrow(const R&&) = delete;

}  // namespace v0
}  // namespace filch
