#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {

/// How often and when a call is tried again.
struct retry_options {
  /// How many times it is called at most.
  unsigned attempts = 3;
  /// The pause after the first failure; the real one is a random time between half of it and all of
  /// it, so that many callers that failed together do not come back together.
  std::chrono::nanoseconds backoff = std::chrono::milliseconds(100);
  /// Each further pause is longer by this factor, up to `longest`.
  double growth = 2;
  /// The longest pause.
  std::chrono::nanoseconds longest = std::chrono::seconds(10);
  /// Whether an error is worth another attempt; empty: each one is.
  std::function<bool(const std::exception_ptr&)> when = {};
};

namespace detail {

/// The pauses of one call.
class FILCH_API retry_pauses {
 public:
  explicit retry_pauses(const retry_options& options) noexcept
      : options_(options), next_(options.backoff) {}
  /// In a handler: waits before the next attempt, or throws the handled error on.
  /// Throws: also `cancelled`, if the job is stopped meanwhile.
  void wait_or_throw();

 private:
  const retry_options& options_;
  std::chrono::nanoseconds next_;
  unsigned failures_ = 0;
};

/// Throws: `std::invalid_argument`.
FILCH_API void check_retry_options(const retry_options& options);

}  // namespace detail

/// A callable that calls `F` again if it throws. Made by `retry`.
template <class F>
class retrying {
 public:
  /// Throws: `std::invalid_argument`, as `retry`.
  retrying(F f, retry_options options) : f_(std::move(f)), options_(std::move(options)) {
    detail::check_retry_options(options_);
  }
  /// Each attempt gets the arguments as lvalues, so that the next one finds them as they were.
  template <class... Args>
    requires std::is_invocable_v<const F&, Args&...>
  std::invoke_result_t<const F&, Args&...> operator()(Args&&... args) const {
    detail::retry_pauses pauses(options_);
    for (;;) {
      try {
        return std::invoke(f_, args...);
      } catch (...) {
        pauses.wait_or_throw();
      }
    }
  }

 private:
  F f_;
  retry_options options_;
};

/// `f`, tried again when it throws: a callable for any verb.
///
///     auto pages = pool.with(filch::on_io).map(filch::retry(fetch, {.attempts = 5}), urls);
///
/// A call that fails for the last time throws what `f` threw; one that was asked to stop throws
/// `cancelled` instead of trying again. Between attempts the worker is another job's.
/// Threads: the result may be called by several at once if `f` may.
/// Throws: `std::invalid_argument` for options without a meaning: no attempt, a negative pause,
/// growth below one.
template <class F>
retrying<std::decay_t<F>> retry(F&& f, retry_options options = {}) {
  return {std::forward<F>(f), std::move(options)};
}

}  // namespace v0
}  // namespace filch
