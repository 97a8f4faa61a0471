#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <limits>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

/// True for ranges whose type says that they never end.
template <class R>
inline constexpr bool unbounded_v =
    std::same_as<std::ranges::sentinel_t<R>, std::unreachable_sentinel_t>;
template <class V, class F>
inline constexpr bool unbounded_v<std::ranges::transform_view<V, F>> = unbounded_v<V>;
template <class V, class F>
inline constexpr bool unbounded_v<std::ranges::filter_view<V, F>> = unbounded_v<V>;
template <class V, std::size_t I>
inline constexpr bool unbounded_v<std::ranges::elements_view<V, I>> = unbounded_v<V>;

template <bool Const, class V>
using maybe_const = std::conditional_t<Const, const V, V>;

template <class V>
concept sized_or_unbounded = std::ranges::sized_range<V> || unbounded_v<std::remove_cv_t<V>>;

/// Several ranges that a loop can index as one.
template <class... Vs>
concept indexable_together =
    (std::ranges::random_access_range<Vs> && ...) && (sized_or_unbounded<Vs> && ...) &&
    !(unbounded_v<std::remove_cv_t<Vs>> && ...);

/// The length of the shortest of several ranges that know theirs.
template <class... Vs>
constexpr std::size_t shortest(Vs&... views) {
  auto n = std::numeric_limits<std::size_t>::max();
  const auto consider = [&n](auto& view) {
    if constexpr (std::ranges::sized_range<decltype(view)>) {
      n = std::min(n, static_cast<std::size_t>(std::ranges::size(view)));
    }
  };
  (consider(views), ...);
  return n;
}

/// The tuple of values behind a tuple of references; the tuple of references itself where the
/// values cannot be copied out of it, since C++20 then knows no common type of the two.
template <class... Vs>
struct zip_value {
  using reference = std::tuple<std::ranges::range_reference_t<Vs>...>;
  using values = std::tuple<std::ranges::range_value_t<Vs>...>;
  using type = std::conditional_t<(std::is_constructible_v<std::ranges::range_value_t<Vs>,
                                                           std::ranges::range_reference_t<Vs>> &&
                                   ...) &&
                                      std::common_reference_with<reference&&, values&>,
                                  values, reference>;
};

template <class... Vs>
class zip_iterator {
  template <class V>
  using difference_of = std::ranges::range_difference_t<V>;
  static constexpr bool random_access = (std::ranges::random_access_range<Vs> && ...);
  static constexpr bool bidirectional = (std::ranges::bidirectional_range<Vs> && ...);
  static constexpr bool forward = (std::ranges::forward_range<Vs> && ...);

 public:
  using reference = std::tuple<std::ranges::range_reference_t<Vs>...>;
  using value_type = typename zip_value<Vs...>::type;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;
  using iterator_concept =
      std::conditional_t<random_access, std::random_access_iterator_tag,
                         std::conditional_t<bidirectional, std::bidirectional_iterator_tag,
                                            std::conditional_t<forward, std::forward_iterator_tag,
                                                               std::input_iterator_tag>>>;

  zip_iterator() = default;
  constexpr explicit zip_iterator(std::ranges::iterator_t<Vs>... at) : at_(std::move(at)...) {}

  constexpr reference operator*() const {
    return std::apply([](const auto&... at) { return reference(*at...); }, at_);
  }
  constexpr zip_iterator& operator++() {
    std::apply([](auto&... at) { (static_cast<void>(++at), ...); }, at_);
    return *this;
  }
  constexpr auto operator++(int) {
    if constexpr (forward) {
      auto old = *this;
      ++*this;
      return old;
    } else {
      ++*this;
    }
  }
  constexpr zip_iterator& operator--()
    requires bidirectional
  {
    std::apply([](auto&... at) { (static_cast<void>(--at), ...); }, at_);
    return *this;
  }
  constexpr zip_iterator operator--(int)
    requires bidirectional
  {
    auto old = *this;
    --*this;
    return old;
  }
  constexpr zip_iterator& operator+=(difference_type n)
    requires random_access
  {
    std::apply([n](auto&... at) { ((at += static_cast<difference_of<Vs>>(n)), ...); }, at_);
    return *this;
  }
  constexpr zip_iterator& operator-=(difference_type n)
    requires random_access
  {
    return *this += -n;
  }
  constexpr reference operator[](difference_type n) const
    requires random_access
  {
    return std::apply(
        [n](const auto&... at) { return reference(at[static_cast<difference_of<Vs>>(n)]...); },
        at_);
  }
  friend constexpr zip_iterator operator+(zip_iterator i, difference_type n)
    requires random_access
  {
    return i += n;
  }
  friend constexpr zip_iterator operator+(difference_type n, zip_iterator i)
    requires random_access
  {
    return i += n;
  }
  friend constexpr zip_iterator operator-(zip_iterator i, difference_type n)
    requires random_access
  {
    return i -= n;
  }
  // All parts move in step, so the first speaks for the others.
  friend constexpr difference_type operator-(const zip_iterator& a, const zip_iterator& b)
    requires random_access
  {
    return static_cast<difference_type>(std::get<0>(a.at_) - std::get<0>(b.at_));
  }
  friend constexpr bool operator==(const zip_iterator& a, const zip_iterator& b)
    requires forward
  {
    return std::get<0>(a.at_) == std::get<0>(b.at_);
  }
  friend constexpr auto operator<=>(const zip_iterator& a, const zip_iterator& b)
    requires random_access
  {
    return (a - b) <=> difference_type{0};
  }

  /// The iterators into the ranges zipped.
  constexpr const std::tuple<std::ranges::iterator_t<Vs>...>& parts() const noexcept { return at_; }

 private:
  std::tuple<std::ranges::iterator_t<Vs>...> at_;
};

/// The end of a zip: reached when the first of its ranges is at its end.
template <class... Vs>
class zip_sentinel {
 public:
  zip_sentinel() = default;
  constexpr explicit zip_sentinel(std::ranges::sentinel_t<Vs>... ends)
      : ends_(std::move(ends)...) {}
  friend constexpr bool operator==(const zip_iterator<Vs...>& i, const zip_sentinel& s) {
    return s.reached(i, std::index_sequence_for<Vs...>{});
  }

 private:
  template <std::size_t... I>
  constexpr bool reached(const zip_iterator<Vs...>& i, std::index_sequence<I...>) const {
    return ((std::get<I>(i.parts()) == std::get<I>(ends_)) || ...);
  }
  std::tuple<std::ranges::sentinel_t<Vs>...> ends_;
};

/// Tuples of the elements of several ranges, as long as the shortest.
template <std::ranges::view... Vs>
  requires(sizeof...(Vs) > 0)
class zip_view : public std::ranges::view_interface<zip_view<Vs...>> {
  template <bool Const>
  static constexpr bool sized = indexable_together<maybe_const<Const, Vs>...> ||
                                (std::ranges::sized_range<maybe_const<Const, Vs>> && ...);

 public:
  zip_view() = default;
  constexpr explicit zip_view(Vs... views) : views_(std::move(views)...) {}

  constexpr auto begin() { return first<false>(views_); }
  constexpr auto begin() const
    requires(std::ranges::range<const Vs> && ...)
  {
    return first<true>(views_);
  }
  constexpr auto end() { return last<false>(views_); }
  constexpr auto end() const
    requires(std::ranges::range<const Vs> && ...)
  {
    return last<true>(views_);
  }
  constexpr std::size_t size()
    requires(sized<false>)
  {
    return std::apply([](auto&... views) { return shortest(views...); }, views_);
  }
  constexpr std::size_t size() const
    requires(sized<true>)
  {
    return std::apply([](auto&... views) { return shortest(views...); }, views_);
  }

 private:
  template <bool Const, class Views>
  static constexpr auto first(Views& all) {
    return std::apply(
        [](auto&... views) {
          return zip_iterator<maybe_const<Const, Vs>...>(std::ranges::begin(views)...);
        },
        all);
  }
  template <bool Const, class Views>
  static constexpr auto last(Views& all) {
    return std::apply(
        [](auto&... views) {
          if constexpr ((unbounded_v<Vs> && ...)) {
            return std::unreachable_sentinel;
          } else if constexpr (indexable_together<maybe_const<Const, Vs>...>) {
            return zip_iterator<maybe_const<Const, Vs>...>(std::ranges::begin(views)...) +
                   static_cast<std::ptrdiff_t>(shortest(views...));
          } else {
            return zip_sentinel<maybe_const<Const, Vs>...>(std::ranges::end(views)...);
          }
        },
        all);
  }
  std::tuple<Vs...> views_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch

template <class... Vs>
inline constexpr bool std::ranges::enable_borrowed_range<filch::detail::zip_view<Vs...>> =
    (std::ranges::enable_borrowed_range<Vs> && ...);
