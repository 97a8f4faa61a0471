#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include <filch/detail/answer.hpp>
#include <filch/promise.hpp>

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
  /// How long to wait before the attempt after this failure; empty if there is to be none.
  /// Throws: what `when` throws.
  std::optional<std::chrono::nanoseconds> after(const std::exception_ptr& error);
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

/// What is under way of a call's attempts, as others see it.
class FILCH_API present_attempt {
 public:
  void set(ref<future_base> answer) noexcept;
  /// The job that will make the next one; its pause is over.
  void set(ref<job> next) noexcept;
  /// What a waiter may run to get on.
  ref<job> unclaimed() noexcept;
  slot* runner(std::size_t i, unsigned links) noexcept;
  void cancel() noexcept;

 private:
  std::mutex lock_;
  ref<future_base> answer_;
  ref<job> next_;
};

/// The result of all attempts: who waits for it can run what makes the present one, or the next.
template <class T>
class retried final : public promised<T> {
 public:
  using promised<T>::promised;
  present_attempt& present() noexcept { return present_; }
  bool is_made_by_jobs() const noexcept override { return true; }
  ref<job> unclaimed() noexcept override { return present_.unclaimed(); }
  slot* runner_within(std::size_t i, unsigned links) noexcept override {
    return links == 0 ? nullptr : present_.runner(i, links - 1);
  }
  /// What stops the attempts.
  ref<stop_state> stopped_by() { return this->stop().shared(); }

 private:
  present_attempt present_;
};

/// The attempts of one call where `f` answers later, without types. No thread is held, neither by
/// an attempt nor by a pause.
///
/// Ownership: whatever is under way holds it: the attempt's future, the timer, or the next job.
/// Accounting: one accepted call from the first attempt to the result.
class FILCH_API later_attempts : public std::enable_shared_from_this<later_attempts> {
 public:
  later_attempts(const later_attempts&) = delete;
  later_attempts& operator=(const later_attempts&) = delete;
  virtual ~later_attempts();

 protected:
  later_attempts(pool_core& core, present_attempt& present, retry_options options);
  /// Makes the first attempt. Throws: as `enter`; `bad_alloc`.
  void begin(ref<stop_state> stop);
  /// Makes an attempt. Throws: what `f` throws.
  virtual ref<future_base> attempt() = 0;
  /// Hands on the value of an attempt.
  virtual void give(future_base& from) noexcept = 0;
  virtual void give_up(std::exception_ptr error) noexcept = 0;

 private:
  class note;
  class next_attempt;
  struct stopping {
    std::weak_ptr<later_attempts> whole;
    void operator()() const noexcept;
  };

  void try_once() noexcept;
  void answered(future_base& answer) noexcept;
  void failed(std::exception_ptr error) noexcept;
  bool try_later(const std::exception_ptr& error);
  void go_on(ref<job> next) noexcept;
  void stop() noexcept;
  void end_with(std::exception_ptr error) noexcept;

  const pool_ptr core_;
  const retry_options options_;
  retry_pauses pauses_;
  ref<stop_state> stop_;

  present_attempt& present_;
  std::mutex lock_;
  std::uint64_t timer_ = 0;

  std::optional<std::stop_callback<stopping>> on_stop_;
};

template <class T, class F, class... A>
class later_attempts_at final : public later_attempts {
 public:
  template <class... B>
  later_attempts_at(ref<retried<T>> result, const F& f, const retry_options& options, B&&... args)
      : later_attempts(*result->core(), result->present(), options),
        result_(std::move(result)),
        f_(f),
        args_(std::forward<B>(args)...) {}
  future<T> start() {
    future<T> out(ref<future_state<T>>::share(result_.get()));
    begin(result_->stopped_by());
    return out;
  }

 private:
  ref<future_base> attempt() override {
    auto answer = std::apply([this](A&... args) { return std::invoke(f_, args...); }, args_);
    return ref<future_base>(answer.shared());
  }
  void give(future_base& from) noexcept override {
    if constexpr (std::is_void_v<T>) {
      result_->keep();
    } else {
      try {
        result_->keep(take_value(static_cast<future_state<T>&>(from)));
      } catch (...) {  // the value cannot be moved
        result_->fail(std::current_exception());
      }
    }
  }
  void give_up(std::exception_ptr error) noexcept override { result_->fail(std::move(error)); }

  const ref<retried<T>> result_;
  const F f_;
  std::tuple<A...> args_;
};

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
    using result = std::invoke_result_t<const F&, Args&...>;
    if constexpr (detail::comes_later<result>) {
      static_assert(std::is_copy_constructible_v<F>,
                    "filch::retry: a callable that answers later is copied into each call, since "
                    "its attempts outlive it; this one cannot be copied");
      using value = detail::answer_of<result>;
      using attempts = detail::later_attempts_at<value, F, std::decay_t<Args>...>;
      auto state = detail::make_ref<detail::retried<value>>(detail::current_pool());
      return std::make_shared<attempts>(std::move(state), f_, options_, std::forward<Args>(args)...)
          ->start();
    } else {
      return called(args...);
    }
  }

 private:
  template <class... Args>
  std::invoke_result_t<const F&, Args&...> called(Args&... args) const {
    detail::retry_pauses pauses(options_);
    for (;;) {
      try {
        return std::invoke(f_, args...);
      } catch (...) {
        pauses.wait_or_throw();
      }
    }
  }

  F f_;
  retry_options options_;
};

/// `f`, tried again when it throws: a callable for any verb.
///
///     auto pages = pool.with(filch::on_io).map(filch::retry(fetch, {.attempts = 5}), urls);
///
/// A call that fails for the last time throws what `f` threw; one that was asked to stop throws
/// `cancelled` instead of trying again. Between attempts the worker is another job's.
///
/// Where `f` answers later, by returning a future (`retry(http::get_async)`), so does the result:
/// the first attempt is made by the caller, the others on lane::io, and neither they nor the pauses
/// hold a thread. The arguments are copied for it. The pool waits for it as for a job.
/// Threads: the result may be called by several at once if `f` may.
/// Throws: `std::invalid_argument` for options without a meaning: no attempt, a negative pause,
/// growth below one.
template <class F>
retrying<std::decay_t<F>> retry(F&& f, retry_options options = {}) {
  return {std::forward<F>(f), std::move(options)};
}

}  // namespace v0
}  // namespace filch
