#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <filch/detail/future_state.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

namespace filch {
inline namespace v0 {

template <class T>
class future;

namespace detail {

/// Adapts a callable into a callback; what it throws goes to the pool's on_unhandled.
template <class F>
class call_back final : public callback {
 public:
  call_back(pool_ptr core, F f) : core_(std::move(core)), f_(std::move(f)) {}
  void call(future_base& result) noexcept override {
    try {
      f_(result);
    } catch (...) {
      unhandled(*core_, std::current_exception());
    }
  }

 private:
  pool_ptr core_;
  F f_;
};

template <class F, class T>
struct then_result : std::invoke_result<F, T> {};
template <class F>
struct then_result<F, void> : std::invoke_result<F> {};

/// Hands out a finished value, by move.
template <class T>
T take_value(future_state<T>& state) {
  if constexpr (std::is_void_v<T>) {
    return;
  } else if constexpr (std::is_reference_v<T>) {
    return static_cast<T>(*state.value());
  } else {
    if constexpr (!std::is_trivially_copyable_v<T>) state.wait_for_readers();
    return std::move(state.value());
  }
}

/// The job behind `future::then`: queued when the result before it is there.
template <class T, class F>
class continuation final : public future_state<typename then_result<F, T>::type> {
  using result = typename then_result<F, T>::type;

 public:
  continuation(pool_core& core, ref<future_state<T>> before, F f)
      : future_state<result>(core), before_(std::move(before)), f_(std::move(f)) {
    this->place(core, lane::cpu, {});
  }
  void run() noexcept override {
    ref<future_state<T>> before;
    {
      std::lock_guard lock(before_lock_);
      before = std::move(before_);
    }
    this->fulfil([&]() -> result {
      if (before->error()) std::rethrow_exception(before->error());
      auto f = std::move(*f_);
      f_.reset();
      if constexpr (std::is_void_v<T>) {
        return std::invoke(std::move(f));
      } else {
        return std::invoke(std::move(f), take_value(*before));
      }
    });
  }
  void drop_call() noexcept override { f_.reset(); }
  ref<future_base> ahead() noexcept override {
    std::lock_guard lock(before_lock_);
    if (!before_ || before_->done().is_set()) return {};
    return ref<future_base>(before_);
  }
  slot* runner_within(std::size_t i, unsigned links) noexcept override {
    std::lock_guard lock(before_lock_);
    if (!before_ || before_->done().is_set()) return future_base::runner_within(i, links);
    return links == 0 ? nullptr : before_->runner_within(i, links - 1);
  }

 private:
  std::mutex before_lock_;
  ref<future_state<T>> before_;
  std::optional<F> f_;
};

}  // namespace detail

/// The result of a job that may not have run yet. Movable; one owner.
///
/// Threads: one thread at a time may use a future; different futures are independent. Dropping a
/// future neither waits nor cancels; an error nobody has read then goes to `on_unhandled`.
/// A job that has not started when somebody waits for it is run by the waiter (docs/design/
/// waiting.md), so waiting never needs a free thread.
template <class T>
class [[nodiscard]] future {
 public:
  using value_type = T;

  /// Without a result; using it throws `no_result`.
  future() noexcept = default;
  /// Takes the result over.
  future(future&&) noexcept = default;
  /// Takes the result over; drops what it had.
  future& operator=(future&&) noexcept = default;

  /// False for a default-constructed or moved-from future, and after `get` or `then` used it up.
  bool valid() const noexcept { return static_cast<bool>(state_); }

  /// Waits, then hands out the value, or throws what the job threw.
  /// Throws: also `cancelled` if the job was cancelled; `result_moved` on a second call;
  /// `would_deadlock` if the calling job waits for itself.
  T get() {
    auto& s = state();
    s.wait();
    return hand_out();
  }
  /// As `get`, but waits at most `limit` and never runs the job itself. Throws: `timed_out`; the
  /// job goes on and the future can be asked again.
  template <class Rep, class Period>
  T get_for(std::chrono::duration<Rep, Period> limit) {
    if (!wait_for(limit)) detail::throw_get_timed_out();
    return hand_out();
  }
  /// Waits for the end of the job, whatever it is; throws nothing of the job's.
  /// Throws: `no_result`; `would_deadlock` if the calling job waits for itself.
  void wait() { state().wait(); }
  /// Waits at most `limit` without running anything; true when the result is there.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> limit) {
    return detail::wait_until(state(), detail::deadline_after(limit));
  }
  /// True when `get` would not wait. Never blocks.
  bool ready() const { return state().done().is_set(); }

  /// True if and only if the job will never run because of this call (`get` then throws
  /// `cancelled`). Where a thread has taken the job already the answer is false, and the job gets
  /// its stop: if it returns a value all the same, the value wins; if its first line was still
  /// ahead it may be skipped, and `get` throws `cancelled`.
  bool cancel() { return state().cancel(); }

  /// Calls `f(value)` (or `f()` for void) as a job of its own once the value is there and gives
  /// its result. An error or a cancellation skips `f` and goes on to the new future. Uses this
  /// future up.
  template <class F>
  auto then(F&& f) {
    using stored_f = std::decay_t<F>;
    auto& s = state();
    auto core = s.core();
    auto next =
        detail::accepted<detail::continuation<T, stored_f>>(*core, state_, std::forward<F>(f));
    using result = typename detail::then_result<stored_f, T>::type;
    future<result> out(detail::ref<detail::future_state<result>>::share(next.get()));
    try {
      attach([next, core](detail::future_base&) mutable {
        detail::enqueue(*core, detail::ref<detail::job>(std::move(next)));
      });
    } catch (...) {
      out.cancel();
      throw;
    }
    s.observe();
    state_ = {};
    return out;
  }

  /// Calls `f(value)` with a const reference exactly once if there is a value: on the thread that
  /// made it, or at once on this one if it is there already. An exception from `f` goes to
  /// `on_unhandled`; other callbacks still run. `get` waits for `f`, which may be reading what it
  /// is to move away; called by `f` itself it does not.
  template <class F>
  future& on_done(F&& f) {
    read([f = std::decay_t<F>(std::forward<F>(f))](detail::future_base& r) mutable {
      if (r.outcome() != detail::fate::value) return;
      if constexpr (std::is_void_v<T>) {
        f();
      } else {
        f(std::as_const(static_cast<detail::future_state<T>&>(r).value()));
      }
    });
    return *this;
  }
  /// Calls `f(std::exception_ptr)` exactly once if the job failed or was cancelled; else as
  /// `on_done`. The error counts as read.
  template <class F>
  future& on_error(F&& f) {
    state().observe();
    attach([f = std::decay_t<F>(std::forward<F>(f))](detail::future_base& r) mutable {
      if (r.outcome() != detail::fate::value) f(r.error());
    });
    return *this;
  }

  /// \private For filch's own verbs: a future on a given state, and the state of a future.
  explicit future(detail::ref<detail::future_state<T>> state) noexcept : state_(std::move(state)) {}
  /// \private
  const detail::ref<detail::future_state<T>>& shared() const {
    state();
    return state_;
  }

 private:
  detail::future_state<T>& state() const {
    if (!state_) detail::throw_no_result();
    return *state_;
  }
  T hand_out() {
    auto s = state_;
    s->observe();
    if (s->error()) std::rethrow_exception(s->error());
    if (taken_) detail::throw_result_moved();
    taken_ = true;
    return detail::take_value(*s);
  }
  template <class F>
  void attach(F f) {
    auto& s = state();
    s.add(new detail::call_back<F>(s.core(), std::move(f)));
  }
  template <class F>
  void read(F f) {
    auto& s = state();
    s.add_reader(new detail::call_back<F>(s.core(), std::move(f)));
  }
  detail::ref<detail::future_state<T>> state_;
  bool taken_ = false;
};

}  // namespace v0
}  // namespace filch
