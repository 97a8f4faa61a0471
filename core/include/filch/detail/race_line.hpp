#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <filch/detail/answer.hpp>
#include <filch/detail/bound.hpp>
#include <filch/detail/future_state.hpp>

/// \file
/// The starting line of a race: what its contenders call, and with what. A line either borrows
/// (the caller waits until all contenders have ended) or owns decayed copies (losers may be
/// abandoned); which one is chosen at run time, so both are made where both can be.

namespace filch {
inline namespace v0 {
namespace detail {

/// The value of a race over calls that return R.
template <class R>
using race_value = std::conditional_t<std::is_void_v<answer_of<std::decay_t<R>>>, std::monostate,
                                      std::decay_t<answer_of<std::decay_t<R>>>>;

/// Stands where an owning line has a `std::optional`.
template <class T>
struct lent {
  T* at;
  T& operator*() const noexcept { return *at; }
  void reset() noexcept {}
};

/// What an owning line keeps of a callable: decayed, and const if the original is.
template <class F>
using kept = std::conditional_t<std::is_const_v<std::remove_reference_t<F>>, const std::decay_t<F>,
                                std::decay_t<F>>;

/// Calls and gives the result as T, an empty one for void.
template <class T, class R, class F, class... A>
T call_contender(F& f, A&&... args) {
  if constexpr (std::is_void_v<R>) {
    invoke_job<void>(f, std::forward<A>(args)...);
    return T{};
  } else {
    return static_cast<T>(invoke_job<R>(f, std::forward<A>(args)...));
  }
}

/// Contenders f(x) for each x. F: a reference or an object; A: as what f gets its element;
/// Holder: `lent` or `std::optional`.
template <class F, class A, class Holder>
class range_line {
 public:
  using result = job_result<std::remove_reference_t<F>&, A>;
  using value = race_value<result>;

  template <class G>
  explicit range_line(std::in_place_t, G&& f) : f_(std::forward<G>(f)) {}

  static constexpr bool later = comes_later<std::decay_t<result>>;

  std::size_t size() const noexcept { return elements_.size(); }
  /// The value, or, where f answers later, the future.
  auto call(std::size_t i) {
    using type = std::conditional_t<later, result, value>;
    return call_contender<type, result>(f_, static_cast<A&&>(*elements_[i]));
  }
  void forget(std::size_t i) noexcept { elements_[i].reset(); }
  std::vector<Holder>& elements() noexcept { return elements_; }

 private:
  F f_;
  std::vector<Holder> elements_;
};

/// How a race over the range X with the callable F is called, borrowed and owned.
template <class F, class X>
struct range_lines {
  static_assert(!std::is_same_v<std::ranges::sentinel_t<X>, std::unreachable_sentinel_t>,
                "filch: a race needs a bounded range");

  using element = std::ranges::range_reference_t<X>;
  static constexpr bool by_reference = std::is_lvalue_reference_v<element>;
  // An element that is made while iterating, or that is gone after the next step, must be kept.
  static constexpr bool lendable = by_reference && std::ranges::forward_range<X>;
  using argument = std::conditional_t<by_reference, element, std::decay_t<element>>;

  using borrowed_holder = std::conditional_t<lendable, lent<std::remove_reference_t<element>>,
                                             std::optional<std::decay_t<element>>>;
  using borrowed = range_line<std::remove_reference_t<F>&, argument, borrowed_holder>;
  using value = typename borrowed::value;

  /// A proxy (as of vector<bool>, or a tuple of references) would refer to the caller's data, so
  /// what it stands for is kept, where f takes that and answers the same.
  template <class V>
  static constexpr bool takes_value() {
    if constexpr (by_reference || !std::is_constructible_v<V, element>) {
      return false;
    } else if constexpr (std::is_invocable_v<kept<F>&, V> ||
                         std::is_invocable_v<kept<F>&, std::stop_token, V>) {
      return std::is_same_v<race_value<job_result<kept<F>&, V>>, value>;
    } else {
      return false;
    }
  }
  using range_value = std::ranges::range_value_t<X>;
  using owned_element =
      std::conditional_t<takes_value<range_value>(), range_value, std::decay_t<element>>;
  using owned_argument = std::conditional_t<by_reference, element, owned_element>;
  // The elements of a container that was handed over are moved, not copied.
  static constexpr bool moved_in =
      !std::is_lvalue_reference_v<X> && !std::ranges::view<std::remove_cvref_t<X>>;
  using source = std::conditional_t<moved_in, std::ranges::range_rvalue_reference_t<X>, element>;
  static constexpr bool can_own = std::is_constructible_v<std::decay_t<F>, F> &&
                                  std::is_constructible_v<owned_element, source> &&
                                  std::is_move_constructible_v<owned_element>;
  using owned = range_line<kept<F>, owned_argument, std::optional<owned_element>>;

  std::remove_reference_t<F>& f;
  std::remove_reference_t<X>& xs;

  borrowed borrow() const {
    borrowed line(std::in_place, f);
    reserve(line);
    for (auto it = std::ranges::begin(xs); it != std::ranges::end(xs); ++it) {
      if constexpr (lendable) {
        line.elements().push_back({std::addressof(*it)});
      } else {
        line.elements().emplace_back(std::in_place, *it);
      }
    }
    return line;
  }
  owned own() const {
    owned line(std::in_place, std::forward<F>(f));
    reserve(line);
    for (auto it = std::ranges::begin(xs); it != std::ranges::end(xs); ++it) {
      if constexpr (moved_in) {
        line.elements().emplace_back(std::in_place, std::ranges::iter_move(it));
      } else {
        line.elements().emplace_back(std::in_place, *it);
      }
    }
    return line;
  }

 private:
  template <class Line>
  void reserve(Line& line) const {
    if constexpr (std::ranges::sized_range<X>) {
      line.elements().reserve(static_cast<std::size_t>(std::ranges::size(xs)));
    }
  }
};

/// The common value of callables that return R...: an empty one if all return nothing.
template <class... R>
struct common_value {
  static_assert((!std::is_void_v<R> && ...),
                "filch: either all callables of a race return something, or none does");
  static_assert(
      requires { typename std::common_type_t<R...>; },
      "filch: the contenders of race_of must have results of a common type; convert "
      "them, or return a std::variant from each");
  using common = std::decay_t<std::common_type_t<R...>>;
  static_assert(!comes_later<common> || (std::is_same_v<std::decay_t<R>, common> && ...),
                "filch: either all callables of race_of return the same future, or none does");
  using called = common;
  using type = race_value<common>;
};
template <class... R>
  requires(std::is_void_v<R> && ...)
struct common_value<R...> {
  using called = std::monostate;
  using type = std::monostate;
};

/// Contenders that are callables of their own, each kept by a Holder: `lent` or `std::optional`.
/// T: their common result.
template <class T, class... Holder>
class callables_line {
 public:
  template <class... G>
  explicit callables_line(std::in_place_t, G&&... g) : callables_(std::forward<G>(g)...) {}

  static constexpr bool later = comes_later<T>;

  static constexpr std::size_t size() noexcept { return sizeof...(Holder); }
  T call(std::size_t i) { return call_one(i, std::index_sequence_for<Holder...>{}); }
  void forget(std::size_t i) noexcept { reset_one(i, std::index_sequence_for<Holder...>{}); }

 private:
  template <std::size_t I>
  static T run(callables_line& line) {
    auto& f = *std::get<I>(line.callables_);
    return call_contender<T, job_result<decltype(f)>>(f);
  }
  template <std::size_t I>
  static void reset(callables_line& line) noexcept {
    std::get<I>(line.callables_).reset();
  }
  template <std::size_t... I>
  T call_one(std::size_t i, std::index_sequence<I...>) {
    using step = T (*)(callables_line&);
    static constexpr step steps[] = {&callables_line::template run<I>...};
    return steps[i](*this);
  }
  template <std::size_t... I>
  void reset_one(std::size_t i, std::index_sequence<I...>) noexcept {
    using step = void (*)(callables_line&) noexcept;
    static constexpr step steps[] = {&callables_line::template reset<I>...};
    steps[i](*this);
  }
  std::tuple<Holder...> callables_;
};

/// How a race of the callables F... is called, borrowed and owned.
template <class... F>
struct callables_lines {
  using common = common_value<job_result<std::remove_reference_t<F>&>...>;
  using value = typename common::type;
  using borrowed = callables_line<typename common::called, lent<std::remove_reference_t<F>>...>;
  using owned = callables_line<typename common::called, std::optional<kept<F>>...>;
  static constexpr bool can_own = (std::is_constructible_v<std::decay_t<F>, F> && ...);

  std::tuple<F&&...> callables;

  borrowed borrow() const {
    return std::apply(
        [](auto&... f) {
          return borrowed(std::in_place, lent<std::remove_reference_t<F>>{std::addressof(f)}...);
        },
        callables);
  }
  owned own() const {
    return std::apply(
        [](auto&... f) {
          return owned(std::in_place, std::optional<kept<F>>(std::in_place, std::forward<F>(f))...);
        },
        callables);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
