#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/bound.hpp>
#include <filch/detail/zip_view.hpp>

/// \file
/// The input of a verb as something that threads index at the same time. Ranges that can be
/// indexed are, in place. Of others a list is made first, by the calling thread: references to the
/// elements where they outlive the iteration, else the elements themselves.

namespace filch {
inline namespace v0 {
namespace detail {

template <class R>
inline constexpr bool indexable =
    std::ranges::random_access_range<R> && std::ranges::sized_range<R>;

/// Containers given as rvalues hand their elements over; views and borrowed ranges refer to what
/// is somebody else's.
template <class R>
inline constexpr bool gives_elements_away =
    !std::is_lvalue_reference_v<R> && !std::ranges::view<std::remove_cvref_t<R>> &&
    !std::ranges::borrowed_range<R> &&
    std::is_lvalue_reference_v<std::ranges::range_reference_t<R>> &&
    !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

/// What is kept of an element while the iteration goes on.
template <class R>
struct kept_of {
  using reference = std::ranges::range_reference_t<R>;
  using type = std::conditional_t<!std::ranges::forward_range<R>, std::ranges::range_value_t<R>,
                                  std::conditional_t<std::is_lvalue_reference_v<reference>,
                                                     reference, std::remove_cvref_t<reference>>>;
};
/// A zip keeps of each of its ranges what that one needs.
template <class... Vs>
  requires(!(std::ranges::forward_range<Vs> && ...))
struct kept_of<zip_view<Vs...>> {
  using type = std::tuple<typename kept_of<Vs>::type...>;
};

template <class T>
struct is_tuple : std::false_type {};
template <class... Ts>
struct is_tuple<std::tuple<Ts...>> : std::true_type {};

/// Copies or moves an element into what is kept of it: what the range lends is copied, and moved
/// only if it cannot be copied.
template <class Kept, class Element>
constexpr Kept keep(Element&& element) {
  if constexpr (std::is_constructible_v<Kept, Element>) {
    return Kept(std::forward<Element>(element));
  } else if constexpr (is_tuple<Kept>::value) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Kept(keep<std::tuple_element_t<I, Kept>>(std::get<I>(std::move(element)))...);
    }(std::make_index_sequence<std::tuple_size_v<Kept>>{});
  } else {
    return Kept(std::move(element));
  }
}

/// A range indexed in place. `Element` is how its elements are passed on, `Spare` how they are
/// where a callable does not take that.
template <class Iterator, class Element, class Spare = Element>
class indexed {
 public:
  using element = Element;
  using spare = Spare;
  indexed(Iterator first, std::size_t n) : first_(std::move(first)), n_(n) {}
  std::size_t size() const noexcept { return n_; }
  template <class As>
  As get(std::size_t i) const {
    return static_cast<As>(first_[static_cast<std::iter_difference_t<Iterator>>(i)]);
  }
  /// What the loop's body holds.
  const indexed& handle() const noexcept { return *this; }

 private:
  Iterator first_;
  std::size_t n_;
};

/// A list of what was kept of a range.
template <class Kept, class Element, class Spare>
class listed {
 public:
  using element = Element;
  using spare = Spare;

  template <class R>
  explicit listed(R& range) {
    if constexpr (std::ranges::sized_range<R&>) {
      list_.reserve(static_cast<std::size_t>(std::ranges::size(range)));
    }
    auto at = std::ranges::begin(range);
    const auto end = std::ranges::end(range);
    for (; at != end; ++at) list_.push_back(item{keep<Kept>(*at)});
  }
  std::size_t size() const noexcept { return list_.size(); }

  struct item {
    Kept value;
  };
  struct view {
    item* first;
    template <class As>
    As get(std::size_t i) const {
      return static_cast<As>(first[i].value);
    }
  };
  view handle() noexcept { return {list_.data()}; }

 private:
  std::vector<item> list_;
};

/// Refuses, in words, what no verb with a result could take.
template <class R>
constexpr void require_bounded() {
  static_assert(std::ranges::input_range<R>,
                "filch: a range is needed here (something with begin() and end())");
  static_assert(!unbounded_v<std::remove_cvref_t<R>>,
                "filch: this range never ends, so this verb could not return; zip it with one that "
                "ends, take a part of it (std::views::take), or use imap");
}

/// The input of a verb. `Given` says how the range was given: an rvalue container hands its
/// elements over. The range itself must outlive the source.
template <class Given, class R>
auto make_source(R& range) {
  using reference = std::ranges::range_reference_t<R&>;
  if constexpr (!indexable<R&>) {
    using kept = typename kept_of<R>::type;
    if constexpr (gives_elements_away<Given> && std::is_lvalue_reference_v<kept>) {
      return listed<kept, std::remove_reference_t<kept>&&, kept>(range);
    } else if constexpr (std::is_lvalue_reference_v<kept>) {
      return listed<kept, kept, kept>(range);
    } else {
      return listed<kept, kept&&, kept&>(range);
    }
  } else {
    auto first = std::ranges::begin(range);
    const auto n = static_cast<std::size_t>(std::ranges::size(range));
    if constexpr (gives_elements_away<Given>) {
      using value = std::remove_reference_t<reference>;
      return indexed<decltype(first), value&&, value&>(std::move(first), n);
    } else {
      return indexed<decltype(first), reference>(std::move(first), n);
    }
  }
}

template <class F, class Element>
concept takes = std::is_invocable_v<F, Element> || std::is_invocable_v<F, std::stop_token, Element>;

/// How F is given the elements of a source.
template <class F, class Source>
using element_for =
    std::conditional_t<takes<F, typename Source::element> || !takes<F, typename Source::spare>,
                       typename Source::element, typename Source::spare>;

}  // namespace detail
}  // namespace v0
}  // namespace filch
