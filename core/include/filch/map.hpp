#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/free_verbs.hpp>
#include <filch/detail/map_call.hpp>
#include <filch/map_async.hpp>
#include <filch/outcome.hpp>
#include <filch/ranges.hpp>

/// \file
/// `pool.map(f, xs)` and its kin.
///
/// All of them: results come in input order; the elements reach f as in the plain loop
/// `for (auto&& x : xs) f(x)`, those of an rvalue container by move where f takes them so. Ranges
/// that cannot be indexed are iterated first, by the caller; what the iterators throw is thrown
/// on. f is called by several threads at once and must bear that.
/// Throws: by `.errors`, the exception of the lowest index unless told otherwise; `cancelled`,
/// `timed_out`, `pool_closed`, `bad_alloc`. Whatever is thrown, all calls of f have ended.
/// Cost: one allocation for the results (a second where they cannot be default-made for free),
/// one job for each worker that takes part.

namespace filch {
inline namespace v0 {
namespace detail {

template <class Caller, class Given>
using map_result =
    call_result<Caller,
                decltype(make_source<Given>(std::declval<std::remove_reference_t<Given>&>()))>;

/// What `map_try` makes of a callable and a range.
template <class Caller, class Given>
using map_outcome =
    filch::outcome<std::conditional_t<std::is_void_v<map_result<Caller, Given>>, void,
                                      std::decay_t<map_result<Caller, Given>>>>;

}  // namespace detail

/// `map` and its kin for pools and views; options come by `with`.
template <class Self>
class map_verbs : public map_async_verbs<Self> {
 public:
  /// Calls `f(x)` for each x, or `f(x, y, ...)` for the elements of several ranges up to the end
  /// of the shortest, and gives the results; nothing where f returns nothing.
  template <class F, class Xs, class... Ys>
  auto map(F&& f, Xs&& xs, Ys&&... ys) const {
    if constexpr (sizeof...(Ys) == 0) {
      return detail::map_call<Xs>(self().bound(), detail::caller_of<false>(f), xs);
    } else {
      return starmap(f, filch::zip(std::forward<Xs>(xs), std::forward<Ys>(ys)...));
    }
  }
  /// Calls f with the parts of each element: of pairs, tuples, arrays, zips.
  template <class F, class Zipped>
  auto starmap(F&& f, Zipped&& zipped) const {
    return detail::map_call<Zipped>(self().bound(), detail::caller_of<true>(f), zipped);
  }

  /// As `map`, into the first elements of `out`; returns how many. On an error elements that were
  /// reached have their results.
  /// Throws: also `std::invalid_argument`, before any call, if `out` is shorter than the input.
  template <class Out, class F, class Xs, class... Ys>
  std::size_t map_into(Out&& out, F&& f, Xs&& xs, Ys&&... ys) const {
    if constexpr (sizeof...(Ys) == 0) {
      return detail::into_call<Xs>(self().bound(), out, detail::caller_of<false>(f), xs);
    } else {
      auto zipped = filch::zip(std::forward<Xs>(xs), std::forward<Ys>(ys)...);
      return detail::into_call<decltype(zipped)>(self().bound(), out, detail::caller_of<true>(f),
                                                 zipped);
    }
  }

  /// As `map`, but an item that throws gives an outcome with its exception, and all items run.
  /// Throws: only what concerns the whole call, as `cancelled` and `timed_out`.
  template <class F, class Xs, class... Ys>
  auto map_try(F&& f, Xs&& xs, Ys&&... ys) const {
    if constexpr (sizeof...(Ys) == 0) {
      return attempt<Xs>(detail::caller_of<false>(f), xs);
    } else {
      return starmap_try(f, filch::zip(std::forward<Xs>(xs), std::forward<Ys>(ys)...));
    }
  }
  /// As `map_try`, but calls f with the parts of each element.
  template <class F, class Zipped>
  auto starmap_try(F&& f, Zipped&& zipped) const {
    return attempt<Zipped>(detail::caller_of<true>(f), zipped);
  }

  /// Calls `f(x)` for each x. `options`, where given, replace those of the view.
  template <class Xs, class F>
  void for_each(Xs&& xs, F&& f, const job_options& options = detail::no_options()) const {
    const auto b = self().bound();
    detail::map_call<Xs>(detail::bound{b.core, detail::chosen(b, options)},
                         detail::for_effect{detail::caller_of<false>(f)}, xs);
  }
  /// Calls `f(i)` for each integer from `low` to below `high`.
  template <detail::countable A, detail::countable B, class F>
  void for_index(A low, B high, F&& f, const job_options& options = detail::no_options()) const {
    for_each(filch::range(low, high), f, options);
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  template <class Given, class Caller, class R>
  auto attempt(Caller f, R& range) const {
    detail::require_bounded<R>();
    return detail::try_call<detail::map_outcome<Caller, Given>, Given>(self().bound(), f, range);
  }
};

namespace detail {

struct map_fn {
  template <class... A>
  auto operator()(A&&... a) const {
    return current_verbs<map_verbs>{}.map(std::forward<A>(a)...);
  }
};
struct starmap_fn {
  template <class... A>
  auto operator()(A&&... a) const {
    return current_verbs<map_verbs>{}.starmap(std::forward<A>(a)...);
  }
};
struct map_into_fn {
  template <class... A>
  std::size_t operator()(A&&... a) const {
    return current_verbs<map_verbs>{}.map_into(std::forward<A>(a)...);
  }
};
struct map_try_fn {
  template <class... A>
  auto operator()(A&&... a) const {
    return current_verbs<map_verbs>{}.map_try(std::forward<A>(a)...);
  }
};
struct starmap_try_fn {
  template <class... A>
  auto operator()(A&&... a) const {
    return current_verbs<map_verbs>{}.starmap_try(std::forward<A>(a)...);
  }
};
struct for_each_fn {
  template <class Xs, class F>
  void operator()(Xs&& xs, F&& f, const job_options& options = no_options()) const {
    current_verbs<map_verbs>{}.for_each(std::forward<Xs>(xs), f, options);
  }
};
struct for_index_fn {
  template <countable A, countable B, class F>
  void operator()(A low, B high, F&& f, const job_options& options = no_options()) const {
    current_verbs<map_verbs>{}.for_index(low, high, f, options);
  }
};

}  // namespace detail

/// `map(f, xs...)`: `map_verbs::map` on the pool of the running job, else on the default pool.
inline constexpr detail::map_fn map{};
/// `starmap(f, zipped)`: `map_verbs::starmap`, likewise.
inline constexpr detail::starmap_fn starmap{};
/// `map_into(out, f, xs...)`: `map_verbs::map_into`, likewise.
inline constexpr detail::map_into_fn map_into{};
/// `map_try(f, xs...)`: `map_verbs::map_try`, likewise.
inline constexpr detail::map_try_fn map_try{};
/// `starmap_try(f, zipped)`: `map_verbs::starmap_try`, likewise.
inline constexpr detail::starmap_try_fn starmap_try{};
/// `for_each(xs, f[, options])`: `map_verbs::for_each`, likewise.
inline constexpr detail::for_each_fn for_each{};
/// `for_index(low, high, f[, options])`: `map_verbs::for_index`, likewise.
inline constexpr detail::for_index_fn for_index{};

}  // namespace v0
}  // namespace filch
