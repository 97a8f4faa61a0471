#pragma once

#include <exception>
#include <stop_token>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/promised.hpp>
#include <filch/error.hpp>
#include <filch/future.hpp>
#include <filch/pool.hpp>

namespace filch {
inline namespace v0 {

/// The promise behind a future was destroyed without having been kept.
class FILCH_API broken_promise : public error {
 public:
  using error::error;
  ~broken_promise() override;
};

/// Says for a scope that the calling thread keeps promises, as an event loop's does. To wait there
/// for a result, a race or a stream throws `would_deadlock`, since it might be this thread that has
/// to bring it; what has a time limit (`get_for`), or uses the caller's frame (`map`, `fork_join`,
/// a pool's end), waits, and keeps all promises waiting meanwhile.
class FILCH_API promise_keeper {
 public:
  promise_keeper() noexcept;
  promise_keeper(const promise_keeper&) = delete;
  promise_keeper& operator=(const promise_keeper&) = delete;
  ~promise_keeper();
  /// Whether the calling thread is in such a scope.
  static bool is_here() noexcept;

 private:
  const bool outer_;
};

/// The other end of a future whose result no job makes: a callback, an event loop, a thread of
/// another library. Whoever has the promise keeps it, once; whoever has the future need not know.
///
///     filch::promise<reply> given;
///     auto answer = given.get_future();
///     client.ask(question, [given = std::move(given)](reply r) mutable { given.set_value(r); });
///
/// Races and streams take callables that return such futures, and hold no thread for them.
///
/// Threads: `set_value`, `set_error` and `stop_token` may be called by several at a time, and
/// the first of the former two decides; the rest by one. Callbacks on the future run on the thread
/// that decides. Movable; one owner.
/// Lifetime: destroyed without having been kept, it makes the result a `broken_promise`.
template <class T>
class promise {
 public:
  /// Belongs to the pool of the running job, else to the default pool: what `then` starts runs
  /// there. A stop of the running job, or of `stop`, reaches `stop_token()`.
  /// Throws: `bad_alloc`; as `default_pool()`.
  explicit promise(std::stop_token stop = {}) : promise(detail::current_pool(), std::move(stop)) {}
  /// Belongs to `of`. Throws: `bad_alloc`.
  explicit promise(const pool& of, std::stop_token stop = {})
      : promise(of.bound().core, std::move(stop)) {}
  /// Takes the promise over.
  promise(promise&&) noexcept = default;
  /// Takes the promise over; what it had promised is broken.
  promise& operator=(promise&& other) noexcept {
    if (this == &other) return *this;
    promise old(std::move(*this));
    state_ = std::move(other.state_);
    handed_out_ = other.handed_out_;
    return *this;
  }
  ~promise() {
    if (state_) state_->abandon();
  }

  /// The future of this promise. Throws: `std::logic_error` the second time.
  future<T> get_future() {
    if (!state_ || std::exchange(handed_out_, true)) detail::throw_one_future();
    return future<T>(detail::ref<detail::future_state<T>>(state_));
  }

  /// Makes the result T(args...); what that throws becomes the result's error. True if this call
  /// decided it; the arguments are untouched otherwise.
  template <class... A>
  bool set_value(A&&... args) noexcept {
    return state_ && state_->keep(std::forward<A>(args)...);
  }
  /// Makes the result an error; `filch::cancelled` makes it a cancelled
  /// one, a null one a `broken_promise`. True if this call decided it.
  bool set_error(std::exception_ptr error) noexcept {
    if (!error) error = detail::broken_promise_error();
    return state_ && state_->fail(std::move(error));
  }

  /// Asked to stop by the future's `cancel`, by the job in which the promise was made, and by
  /// its pool's end; but that waits first for accepted calls, and a `then` of this future is one.
  /// The future stays open until one of the calls above, so that nobody goes on
  /// before the work has really ended. Throws: `bad_alloc`.
  std::stop_token stop_token() const { return state_ ? state_->stop_token() : std::stop_token(); }

 private:
  promise(detail::pool_core& core, std::stop_token stop)
      : state_(detail::make_ref<detail::promised<T>>(core, std::move(stop))) {}

  detail::ref<detail::promised<T>> state_;
  bool handed_out_ = false;
};

}  // namespace v0
}  // namespace filch
