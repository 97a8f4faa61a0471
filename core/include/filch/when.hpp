#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <utility>
#include <vector>

#include <filch/detail/combined.hpp>
#include <filch/future.hpp>

/// \file
/// Several futures at once.

namespace filch {
inline namespace v0 {
namespace detail {

template <class T>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<future<T>> = true;

/// A range of futures that stay where they are: a vector, a span, a part of one.
template <class R>
concept futures_range = std::ranges::forward_range<R> && is_future<std::ranges::range_value_t<R>> &&
                        std::is_lvalue_reference_v<std::ranges::range_reference_t<R>>;

template <futures_range R>
result_list results_of(R&& futures) {
  result_list out;
  for (auto& f : futures) out.emplace_back(f.shared());
  return out;
}

/// The future on `when_all` of results that will not be reported elsewhere.
template <class Gather>
future<typename Gather::result> all_future(result_list of) {
  auto whole = make_ref<all_of<Gather>>(parts(of));
  attach(whole, of);
  for (const auto& part : of) part->observe();
  return future<typename Gather::result>(ref<future_state<typename Gather::result>>(whole));
}

FILCH_API future<std::size_t> any_future(result_list of);

}  // namespace detail

/// A future on the values of all `futures`, in their order, once every one has ended. Errors: that
/// of the lowest index; the others are counted in `stats().suppressed`.
/// Futures of void stand as `std::monostate`, of references as `std::reference_wrapper`.
/// `get()` runs what has not started of them; `cancel()` cancels each, and is true if that kept
/// one from running. Uses the futures up. Throws: `no_result` for one without a result.
template <class... T>
  requires(sizeof...(T) > 0)
future<std::tuple<detail::held<T>...>> when_all(future<T>... futures) {
  return detail::all_future<detail::results_in_tuple<T...>>({futures.shared()...});
}
/// The same for a list: a vector of the values, or nothing for a list of `future<void>`.
template <class T>
auto when_all(std::vector<future<T>> futures) {
  return detail::all_future<detail::results_in_vector<T>>(detail::results_of(futures));
}

/// A future on the index of the first of `futures` to end, with a value or without: the lowest, if
/// some have ended already. The futures can still be used, and are to be kept.
/// Cost: each call leaves a small note with each future until that one ends.
/// Throws: `std::invalid_argument` for an empty list; `no_result`.
template <detail::futures_range R>
future<std::size_t> when_any(R&& futures) {
  return detail::any_future(detail::results_of(futures));
}
/// The same for futures that are given one by one.
template <class... T>
  requires(sizeof...(T) > 0)
future<std::size_t> when_any(future<T>&... futures) {
  return detail::any_future({detail::ref<detail::future_base>(futures.shared())...});
}

/// When `wait` returns.
enum class until : std::uint8_t {
  /// One has ended, with a value or without.
  first_completed,
  /// One has failed or was cancelled, or all have ended.
  first_error,
  /// All have ended.
  all,
};

/// Which futures had ended when `wait` returned, and which had not; indices, ascending.
struct wait_result {
  /// With a value, an error, or cancelled.
  std::vector<std::size_t> done;
  /// The others.
  std::vector<std::size_t> pending;
};

/// Waits for several futures at once, and takes nothing out of them.
/// Blocks: by the waiting rules; with a `limit` it runs nothing in place.
/// Cost: unless for `until::all`, each call leaves a small note with each future until it ends.
/// Throws: `would_deadlock`; `no_result`. Reaching the limit is no error: see `pending`.
template <detail::futures_range R>
wait_result wait(R&& futures, until what = until::all,
                 std::optional<std::chrono::nanoseconds> limit = std::nullopt) {
  detail::completions::deadline deadline;
  if (limit) deadline = detail::deadline_after(*limit);
  const auto ended = detail::wait_for_parts(detail::results_of(futures),
                                            static_cast<detail::enough>(what), deadline);
  wait_result out;
  for (std::size_t i = 0; i < ended.size(); ++i) (ended[i] ? out.done : out.pending).push_back(i);
  return out;
}

/// The indices of futures as these end; a single-pass range.
class completion_order {
 public:
  /// A single-pass iterator.
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = std::size_t;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    /// \private For `begin()`.
    explicit iterator(completion_order* range) noexcept : range_(range) {}
    /// The index of a future that has ended.
    std::size_t operator*() const noexcept { return *range_->at_; }
    /// Waits for one more. Throws: `timed_out`, `would_deadlock`.
    iterator& operator++() {
      range_->advance();
      return *this;
    }
    /// As `++it`.
    void operator++(int) { ++*this; }
    /// True when all were told.
    bool operator==(std::default_sentinel_t) const noexcept { return !range_->at_; }

   private:
    completion_order* range_ = nullptr;
  };

  /// Waits for the first, or for one more if some were told already.
  iterator begin() {
    advance();
    return iterator(this);
  }
  /// What an iterator is equal to when all were told.
  std::default_sentinel_t end() const noexcept { return {}; }
  /// The index of one more future that has ended, or nothing when all were told.
  std::optional<std::size_t> next() {
    advance();
    return at_;
  }

  /// \private For `as_completed`.
  completion_order(detail::completions of, detail::completions::deadline limit) noexcept
      : of_(std::move(of)), limit_(limit) {}

 private:
  void advance() { at_ = of_.next(limit_); }

  detail::completions of_;
  detail::completions::deadline limit_;
  std::optional<std::size_t> at_;
};

/// The index of each future once, in the order in which they end:
///
///     for (auto i : filch::as_completed(futures)) use(futures[i].get());
///
/// Holds on to a future's result only until it was told. With a `limit`, counted from this call,
/// nothing is run in place, and `timed_out` is thrown when it runs out.
template <detail::futures_range R>
completion_order as_completed(R&& futures,
                              std::optional<std::chrono::nanoseconds> limit = std::nullopt) {
  detail::completions::deadline deadline;
  if (limit) deadline = detail::deadline_after(*limit);
  return {detail::completions(detail::results_of(futures)), deadline};
}

}  // namespace v0
}  // namespace filch
