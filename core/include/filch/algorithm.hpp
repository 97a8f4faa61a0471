#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <ranges>
#include <type_traits>
#include <utility>

#include <filch/detail/free_verbs.hpp>
#include <filch/detail/map_call.hpp>
#include <filch/detail/merge_sort.hpp>

/// \file
/// Sorting and searching.

namespace filch {
inline namespace v0 {
namespace detail {

/// What a search has come upon: the match, or the exception of the predicate, that counts.
class found {
 public:
  static constexpr auto nowhere = std::numeric_limits<std::size_t>::max();

  void match(std::size_t i, loop_core& loop, bool first) {
    {
      std::lock_guard lock(lock_);
      match_ = std::min(match_, i);
    }
    loop.cut(first ? i : 0);
  }
  void failed(std::size_t i, std::exception_ptr error, loop_core& loop) {
    {
      std::lock_guard lock(lock_);
      if (error_ && failed_ < i) return;
      failed_ = i;
      error_ = std::move(error);
    }
    loop.cut(i);
  }
  /// The lowest match; in the end. Throws: what the predicate threw, unless a match makes up for
  /// it.
  std::size_t answer(bool first) const {
    if (error_ && (match_ == nowhere || (first && failed_ < match_)))
      std::rethrow_exception(error_);
    return match_;
  }

 private:
  std::mutex lock_;
  std::size_t match_ = nowhere;
  std::size_t failed_ = nowhere;
  std::exception_ptr error_;
};

/// The body of a search loop.
template <class Step>
struct search_body {
  Step step;
  found& result;
  bool first;

  static std::size_t run(void* self, std::size_t lo, std::size_t hi, loop_core& loop) noexcept {
    auto& body = *static_cast<search_body*>(self);
    std::exception_ptr error;
    std::size_t i = lo;
    try {
      while (i < hi && !static_cast<bool>(body.step(i))) ++i;
    } catch (...) {
      error = std::current_exception();
    }
    if (error) {
      body.result.failed(i, std::move(error), loop);
    } else if (i < hi) {
      body.result.match(i, loop, body.first);
    }
    return hi;
  }
};

/// The index of a match, or `found::nowhere`.
template <class Pred, class R>
std::size_t search(const bound& b, R& range, Pred& pred, bool first, const job_options& options) {
  static_assert(std::ranges::forward_range<R&>,
                "filch: a search gives an iterator, so the range must be iterable twice");
  require_bounded<R>();
  call_scope call(b.core, options.lane, options.name, options.stop);
  auto source = make_source<R&>(range);
  auto caller = caller_of<false>(pred);
  require_callable<decltype(caller), decltype(source)>();
  found result;
  search_body<decltype(step_of(caller, source))> body{step_of(caller, source), result, first};
  run_loop(call, source.size(), options, {&decltype(body)::run, &body});
  return result.answer(first);
}

/// The search's answer as an iterator; `dangling` for a range that is gone by then.
template <class Xs>
std::ranges::borrowed_iterator_t<Xs> at_index(Xs& xs, std::size_t i) {
  if constexpr (std::same_as<std::ranges::borrowed_iterator_t<Xs>, std::ranges::dangling>) {
    return {};
  } else {
    auto at = std::ranges::begin(xs);
    if (i == found::nowhere) return std::ranges::next(std::move(at), std::ranges::end(xs));
    std::ranges::advance(at, static_cast<std::ranges::range_difference_t<Xs>>(i));
    return at;
  }
}

}  // namespace detail

/// `sort`, `find_any` and `find_first` for pools and views. `options`, where given, replace those
/// of the view.
template <class Self>
class algorithm_verbs {
 public:
  /// Sorts a random-access range in place by `cmp` of `proj` of its elements; not stable.
  /// Throws: what `cmp` and `proj` throw, whatever `.errors` says; also `cancelled` and
  /// `timed_out`. Then the order is unspecified; every element is still there, unless a
  /// comparison failed while std::sort held one.
  /// Cost: memory for as many elements. Types that may throw when moved, and proxies, are sorted
  /// by one thread.
  template <class Xs, class Cmp = std::ranges::less, class Proj = std::identity>
  void sort(Xs&& xs, Cmp cmp = {}, Proj proj = {},
            const job_options& options = detail::no_options()) const {
    static_assert(std::ranges::random_access_range<Xs> && std::ranges::sized_range<Xs>,
                  "filch::sort: the range must be indexable and know its size");
    const auto b = self().bound();
    detail::sort_call(b, xs, cmp, proj, detail::chosen(b, options));
  }

  /// An iterator to some element for which `pred` is true, or the end. Stops early.
  /// Throws: what `pred` threw at the lowest index, if nothing was found.
  template <class Xs, class Pred>
  std::ranges::borrowed_iterator_t<Xs> find_any(
      Xs&& xs, Pred pred, const job_options& options = detail::no_options()) const {
    const auto b = self().bound();
    return detail::at_index<Xs>(xs, detail::search(b, xs, pred, false, detail::chosen(b, options)));
  }
  /// An iterator to the first element for which `pred` is true, or the end: `std::find_if`.
  /// Stops early. Throws: what `pred` threw, if it did so in front of the first match.
  template <class Xs, class Pred>
  std::ranges::borrowed_iterator_t<Xs> find_first(
      Xs&& xs, Pred pred, const job_options& options = detail::no_options()) const {
    const auto b = self().bound();
    return detail::at_index<Xs>(xs, detail::search(b, xs, pred, true, detail::chosen(b, options)));
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

namespace detail {

struct sort_fn {
  template <class Xs, class Cmp = std::ranges::less, class Proj = std::identity>
  void operator()(Xs&& xs, Cmp cmp = {}, Proj proj = {},
                  const job_options& options = no_options()) const {
    current_verbs<algorithm_verbs>{}.sort(xs, std::move(cmp), std::move(proj), options);
  }
};
struct find_any_fn {
  template <class Xs, class Pred>
  std::ranges::borrowed_iterator_t<Xs> operator()(Xs&& xs, Pred pred,
                                                  const job_options& options = no_options()) const {
    return current_verbs<algorithm_verbs>{}.find_any(std::forward<Xs>(xs), std::move(pred),
                                                     options);
  }
};
struct find_first_fn {
  template <class Xs, class Pred>
  std::ranges::borrowed_iterator_t<Xs> operator()(Xs&& xs, Pred pred,
                                                  const job_options& options = no_options()) const {
    return current_verbs<algorithm_verbs>{}.find_first(std::forward<Xs>(xs), std::move(pred),
                                                       options);
  }
};

}  // namespace detail

/// `sort(xs, ...)`: `algorithm_verbs::sort` on the pool of the running job, else on the default
/// pool.
inline constexpr detail::sort_fn sort{};
/// `find_any(xs, pred)`: `algorithm_verbs::find_any`, likewise.
inline constexpr detail::find_any_fn find_any{};
/// `find_first(xs, pred)`: `algorithm_verbs::find_first`, likewise.
inline constexpr detail::find_first_fn find_first{};

}  // namespace v0
}  // namespace filch
