#pragma once

#include <cstddef>
#include <functional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/options.hpp>

/// \file
/// The verbs as members of pools and views, by name only: a program pays for the templates of
/// the verbs whose headers it includes. Each verb is documented where it is defined.

namespace filch {
inline namespace v0 {

template <class Self>
class map_verbs;  // filch/map.hpp
template <class Self>
class map_async_verbs;  // filch/map_async.hpp
template <class Self>
class reduce_verbs;  // filch/reduce.hpp
template <class Self>
class algorithm_verbs;  // filch/algorithm.hpp
template <class Self>
class stream_verbs;  // filch/imap.hpp
template <class Self>
class race_verbs;  // filch/race.hpp
template <class Self>
class hedge_verbs;  // filch/hedge.hpp
template <class Self>
class scope_verbs;  // filch/scope.hpp
template <class Self>
class graph_verbs;  // filch/graph_run.hpp

namespace detail {

/// A family of verbs on a given pool.
template <template <class> class Verbs>
class verbs_on : public Verbs<verbs_on<Verbs>> {
 public:
  explicit verbs_on(const detail::bound& b) noexcept : bound_(b) {}
  detail::bound bound() const noexcept { return bound_; }

 private:
  detail::bound bound_;
};

template <class T>
concept defined = requires { sizeof(T); };

/// Names the family only when a call is compiled (`Call` is what the call depends on), so that
/// its header may be left out by those who do not call it.
template <template <class> class Verbs, class... Call>
struct family {
  static_assert(defined<Verbs<struct probe_for_verbs>>,
                "filch: include the header that defines this verb, such as <filch/map.hpp>, or "
                "<filch/filch.hpp> for all");
  using type = verbs_on<Verbs>;
};
template <template <class> class Verbs, class... Call>
using family_for = typename family<Verbs, Call...>::type;

/// A range where the callable belongs, and no range where the range belongs.
template <class F, class... R>
concept swapped = std::ranges::range<F> && (!std::ranges::range<R> || ...);
template <class F>
void refuse_swapped() {
  static_assert(sizeof(F) == 0,
                "filch: the arguments are the other way round: map(f, xs), starmap(f, zipped), "
                "imap(f, xs), race(f, xs), but for_each(xs, f)");
}

/// The types of a stream over R, known once <filch/imap.hpp> is included.
template <class R>
struct stream_types;
/// The types of a race, known once <filch/race.hpp> is included.
template <class F, class X>
struct race_types;
/// The types of a hedged call, known once <filch/hedge.hpp> is included.
template <class F>
struct hedge_types;

}  // namespace detail

/// What a pool and a view can do; `Self` gives the pool and the options by `bound()`.
template <class Self>
class verbs {
 public:
  /// f of each element, in input order; several ranges: f(x, y, ...).
  template <class F, class... R>
  auto map(F&& f, R&&... ranges) const {
    if constexpr (detail::swapped<F, R...>) {
      return detail::refuse_swapped<F>();
    } else {
      return via<map_verbs, F>().map(std::forward<F>(f), std::forward<R>(ranges)...);
    }
  }
  /// f of the parts of each tuple, in input order.
  template <class F, class R>
  auto starmap(F&& f, R&& zipped) const {
    if constexpr (detail::swapped<F, R>) {
      return detail::refuse_swapped<F>();
    } else {
      return via<map_verbs, F>().starmap(std::forward<F>(f), std::forward<R>(zipped));
    }
  }
  /// As `map`, into an existing range; returns how many were written.
  template <class Out, class F, class... R>
  auto map_into(Out&& out, F&& f, R&&... ranges) const {
    return via<map_verbs, F>().map_into(std::forward<Out>(out), std::forward<F>(f),
                                        std::forward<R>(ranges)...);
  }
  /// As `map`, a value or an exception for each element.
  template <class F, class... R>
  auto map_try(F&& f, R&&... ranges) const {
    if constexpr (detail::swapped<F, R...>) {
      return detail::refuse_swapped<F>();
    } else {
      return via<map_verbs, F>().map_try(std::forward<F>(f), std::forward<R>(ranges)...);
    }
  }
  /// As `starmap`, a value or an exception for each element.
  template <class F, class R>
  auto starmap_try(F&& f, R&& zipped) const {
    if constexpr (detail::swapped<F, R>) {
      return detail::refuse_swapped<F>();
    } else {
      return via<map_verbs, F>().starmap_try(std::forward<F>(f), std::forward<R>(zipped));
    }
  }
  /// f of each element, for its effects.
  template <class R, class F>
  void for_each(R&& range, F&& f, const job_options& options = detail::no_options()) const {
    if constexpr (detail::swapped<F, R>) {
      detail::refuse_swapped<F>();
    } else {
      via<map_verbs, F>().for_each(std::forward<R>(range), std::forward<F>(f), options);
    }
  }
  /// f(low) ... f(high - 1).
  template <class A, class B, class F>
  void for_index(A low, B high, F&& f, const job_options& options = detail::no_options()) const {
    via<map_verbs, F>().for_index(low, high, std::forward<F>(f), options);
  }

  /// As `map`, returning at once: a future of the results.
  template <class F, class... R>
  auto map_async(F&& f, R&&... ranges) const {
    if constexpr (detail::swapped<F, R...>) {
      return detail::refuse_swapped<F>();
    } else {
      return via<map_async_verbs, F>().map_async(std::forward<F>(f), std::forward<R>(ranges)...);
    }
  }
  /// As `starmap`, returning at once.
  template <class F, class R>
  auto starmap_async(F&& f, R&& zipped) const {
    if constexpr (detail::swapped<F, R>) {
      return detail::refuse_swapped<F>();
    } else {
      return via<map_async_verbs, F>().starmap_async(std::forward<F>(f), std::forward<R>(zipped));
    }
  }

  /// init op x0 op x1 ...; bit-identical for every number of workers.
  template <class R, class T, class Op>
  auto reduce(R&& range, T init, Op op, const job_options& options = detail::no_options()) const {
    return via<reduce_verbs, R>().reduce(std::forward<R>(range), std::move(init), std::move(op),
                                         options);
  }
  /// init op f(x0) op f(x1) ...
  template <class R, class T, class Op, class F>
  auto transform_reduce(R&& range, T init, Op op, F&& f,
                        const job_options& options = detail::no_options()) const {
    return via<reduce_verbs, R>().transform_reduce(std::forward<R>(range), std::move(init),
                                                   std::move(op), std::forward<F>(f), options);
  }
  /// All prefixes of x0 op x1 op ...
  template <class R, class Op>
  auto scan(R&& range, Op op, const job_options& options = detail::no_options()) const {
    return via<reduce_verbs, R>().scan(std::forward<R>(range), std::move(op), options);
  }
  /// All prefixes of init op x0 op ...
  template <class R, class T, class Op>
    requires(!std::is_convertible_v<Op, const job_options&>)
  auto scan(R&& range, T init, Op op, const job_options& options = detail::no_options()) const {
    return via<reduce_verbs, R>().scan(std::forward<R>(range), std::move(init), std::move(op),
                                       options);
  }

  /// Sorts in place by `cmp` of `proj` of the elements; `std::ranges::less` if none is given.
  template <class R, class Cmp = std::ranges::less, class Proj = std::identity>
  void sort(R&& range, Cmp cmp = {}, Proj proj = {},
            const job_options& options = detail::no_options()) const {
    via<algorithm_verbs, R>().sort(std::forward<R>(range), std::move(cmp), std::move(proj),
                                   options);
  }
  /// Where `pred` holds, anywhere; the end if nowhere.
  template <class R, class P>
  auto find_any(R&& range, P pred, const job_options& options = detail::no_options()) const {
    return via<algorithm_verbs, R>().find_any(std::forward<R>(range), std::move(pred), options);
  }
  /// Where `pred` holds first; the end if nowhere.
  template <class R, class P>
  auto find_first(R&& range, P pred, const job_options& options = detail::no_options()) const {
    return via<algorithm_verbs, R>().find_first(std::forward<R>(range), std::move(pred), options);
  }

  /// A stream of f(x), in input order, made ahead of its reader.
  template <class F, class R>
  auto imap(F&& f, R&& range) const {
    return via<stream_verbs, F>().imap(std::forward<F>(f), std::forward<R>(range));
  }
  /// The same with options of its own, as in `imap(f, xs, {.in_flight = 8})`.
  template <class F, class R, class O = typename detail::stream_types<R>::options>
  auto imap(F&& f, R&& range, O options) const {
    return via<stream_verbs, F>().imap(std::forward<F>(f), std::forward<R>(range),
                                       std::move(options));
  }
  /// A stream of {index, f(x)}, as they are made.
  template <class F, class R>
  auto imap_unordered(F&& f, R&& range) const {
    return via<stream_verbs, F>().imap_unordered(std::forward<F>(f), std::forward<R>(range));
  }
  /// The same with options of its own, as in `imap_unordered(f, xs, {.in_flight = 8})`.
  template <class F, class R, class O = typename detail::stream_types<R>::options>
  auto imap_unordered(F&& f, R&& range, O options) const {
    return via<stream_verbs, F>().imap_unordered(std::forward<F>(f), std::forward<R>(range),
                                                 std::move(options));
  }
  /// As `imap`, f of the parts of each tuple.
  template <class F, class R>
  auto istarmap(F&& f, R&& range) const {
    return via<stream_verbs, F>().istarmap(std::forward<F>(f), std::forward<R>(range));
  }
  /// The same with options of its own, as in `istarmap(f, xs, {.in_flight = 8})`.
  template <class F, class R, class O = typename detail::stream_types<R>::options>
  auto istarmap(F&& f, R&& range, O options) const {
    return via<stream_verbs, F>().istarmap(std::forward<F>(f), std::forward<R>(range),
                                           std::move(options));
  }
  /// As `imap_unordered`, f of the parts of each tuple.
  template <class F, class R>
  auto istarmap_unordered(F&& f, R&& range) const {
    return via<stream_verbs, F>().istarmap_unordered(std::forward<F>(f), std::forward<R>(range));
  }
  /// The same with options of its own, as in `istarmap_unordered(f, xs, {.in_flight = 8})`.
  template <class F, class R, class O = typename detail::stream_types<R>::options>
  auto istarmap_unordered(F&& f, R&& range, O options) const {
    return via<stream_verbs, F>().istarmap_unordered(std::forward<F>(f), std::forward<R>(range),
                                                     std::move(options));
  }

  /// The first success among f(x), at once for all x.
  template <class F, class X, class O = typename detail::race_types<F, X>::options>
  auto race(F&& f, X&& range, O options = {}) const {
    return via<race_verbs, F>().race(std::forward<F>(f), std::forward<X>(range),
                                     std::move(options));
  }
  /// The first success among callables; options may come first.
  template <class... F>
  auto race_of(F&&... f) const {
    return via<race_verbs, F...>().race_of(std::forward<F>(f)...);
  }
  /// The first to end, well or not.
  template <class F, class X, class O = typename detail::race_types<F, X>::options>
  auto race_completed(F&& f, X&& range, O options = {}) const {
    return via<race_verbs, F>().race_completed(std::forward<F>(f), std::forward<X>(range),
                                               std::move(options));
  }
  /// The first k successes.
  template <class F, class X, class O = typename detail::race_types<F, X>::options>
  auto first_n(std::size_t k, F&& f, X&& range, O options = {}) const {
    return via<race_verbs, F>().first_n(k, std::forward<F>(f), std::forward<X>(range),
                                        std::move(options));
  }

  /// f, and once more when it takes unusually long; the first success.
  template <class F, class O = typename detail::hedge_types<F>::options>
  auto hedge(F&& f, O options) const {
    return via<hedge_verbs, F>().hedge(std::forward<F>(f), std::move(options));
  }

  /// Runs body(s), in which s.spawn(f) starts jobs; returns when all have ended.
  template <class Body>
  decltype(auto) scope(Body&& body) const {
    return via<scope_verbs, Body>().scope(std::forward<Body>(body));
  }

  /// Begins a run of a task graph; returns its handle.
  template <class G>
  auto run(const G& graph) const {
    return via<graph_verbs, G>().run(graph);
  }
  /// As `run`, `n` times in a row.
  template <class G>
  auto run_n(const G& graph, std::size_t n) const {
    return via<graph_verbs, G>().run_n(graph, n);
  }
  /// As `run`, again and again until `enough()` says so.
  template <class G, class Enough>
  auto run_until(const G& graph, Enough&& enough) const {
    return via<graph_verbs, G>().run_until(graph, std::forward<Enough>(enough));
  }

 private:
  template <template <class> class Verbs, class... Call>
  detail::family_for<Verbs, Call...> via() const {
    return detail::family_for<Verbs, Call...>(static_cast<const Self&>(*this).bound());
  }
};

}  // namespace v0
}  // namespace filch
