#pragma once

#include <atomic>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <filch/detail/core.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// How a result came out.
enum class fate : std::uint8_t { pending, value, error, cancelled };

class future_base;

/// Something to do when a result is there; owned by the result until it was called.
class FILCH_API callback {
 public:
  callback() noexcept = default;
  callback(const callback&) = delete;
  callback& operator=(const callback&) = delete;
  virtual ~callback();
  virtual void call(future_base& result) noexcept = 0;

  /// The list's link; the list's own.
  callback* next = nullptr;
};

/// The shared part of a job and the futures that wait for it, without the value.
///
/// Protocol: the claimer stores the value or error, then calls `finish` once. `finish` decides
/// the fate, opens the latch, runs the callbacks in the order they were added, and leaves the
/// pool. Rules: the value is written before the latch opens and never after.
class FILCH_API future_base : public job, public awaited {
 public:
  latch& done() noexcept override { return done_; }
  ref<job> unclaimed() noexcept override;
  slot* runner(std::size_t i) noexcept override { return runner_within(i, 32); }
  /// As `runner`; a result that waits for others says who runs those, at most `links` away.
  virtual slot* runner_within(std::size_t i, unsigned links) noexcept;
  /// False where nobody who waits for the result can ever run a part of what makes it.
  virtual bool is_made_by_jobs() const noexcept { return true; }
  /// The result that must be there before this job can start, as long as it is not; else empty.
  virtual ref<future_base> ahead() noexcept { return {}; }
  const void* what() const noexcept override { return static_cast<const job*>(this); }
  pool_core* pool() noexcept override { return core_.get(); }

  /// Waits by the waiting rules.
  void wait() {
    if (!done_.is_set()) detail::wait(*this);
  }
  /// `value`, `error` or `cancelled` once done, else `pending`.
  fate outcome() noexcept { return done_.is_set() ? fate_ : fate::pending; }
  /// The exception of a failed or cancelled result; null for a value. Requires: done.
  const std::exception_ptr& error() const noexcept { return error_; }
  /// Somebody has taken notice of the result: it will not be reported as unhandled.
  void observe() noexcept {
    // order: [relaxed: read by the destructor, which the reference count orders]
    observed_.store(true, std::memory_order_relaxed);
  }
  /// Keeps the job from running: true if it now never will. Else asks it to stop.
  virtual bool cancel() noexcept;
  /// The pool the result comes from; alive as long as the result.
  const pool_ptr& core() const noexcept { return core_; }
  /// Until `release_hold` nobody may start the job: its time has not come.
  void hold_back() noexcept {
    // order: [relaxed: set before the job is shared]
    held_.store(true, std::memory_order_relaxed);
  }
  void release_hold() noexcept {
    // order: [relaxed: the queue the job goes to publishes it]
    held_.store(false, std::memory_order_relaxed);
  }
  /// Destroys what was to be called; by who has claimed the job and will not run it.
  virtual void drop_call() noexcept {}
  /// The job's time is up: asks it to stop; the result will be `timed_out`.
  void expire() noexcept;
  /// Adds a callback; runs it at once, and returns false, when the result is there already.
  bool add(callback* added) noexcept;
  /// The same; it reads the value, so whoever moves the value away waits for it.
  void add_reader(callback* added) noexcept {
    // order: [relaxed: the owner's own, or handed over with the list of callbacks]
    if (add(added)) has_readers_.store(true, std::memory_order_relaxed);
  }
  /// Returns when no callback reads the value, or on the thread that calls them. Requires: done.
  void wait_for_readers() noexcept;

 protected:
  /// Requires: `enter(core)` was called for this result; `finish` leaves.
  explicit future_base(pool_core& core);
  /// Made of other results, or outside of the pool: nothing was accepted, `finish` leaves nothing.
  explicit future_base(pool_ptr core) noexcept : core_(std::move(core)), accepted_(false) {}
  ~future_base() override;

  void finish(std::exception_ptr error) noexcept;
  /// False while something has to happen before the job may be run by a waiter.
  bool startable() const noexcept {
    // order: [relaxed: a hint; a waiter that starts a job a moment early does no harm]
    return !held_.load(std::memory_order_relaxed);
  }

 private:
  void call_back(callback* list) noexcept;

  pool_ptr core_;
  const bool accepted_ = true;
  latch done_;
  latch called_back_;  // only where somebody was to be called back
  std::atomic<const current_thread*> finisher_{nullptr};
  std::exception_ptr error_;
  std::atomic<callback*> callbacks_{nullptr};
  std::atomic<bool> observed_{false};
  std::atomic<bool> expired_{false};
  std::atomic<bool> held_{false};
  std::atomic<bool> has_readers_{false};
  fate fate_ = fate::pending;
};

/// A value of type T, whatever T is: references are held by address, void by an empty value.
template <class T>
using stored =
    std::conditional_t<std::is_void_v<T>, std::monostate,
                       std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;

/// Converts to what `make` returns: a value is constructed where it will stay.
template <class Make>
struct made_in_place {
  Make& make;
  operator decltype(std::declval<Make&>()())() { return make(); }
};

template <class T>
class future_state : public future_base {
 public:
  using future_base::future_base;

  /// The value, in place. Requires: done, with a value.
  stored<T>& value() noexcept { return *value_; }
  /// Gives up the value's memory once it was handed out.
  void drop() noexcept { value_.reset(); }

 protected:
  /// Runs `make` and stores what it returns, or the exception, then finishes.
  template <class Make>
  void fulfil(Make&& make) noexcept {
    std::exception_ptr error;
    try {
      if constexpr (std::is_void_v<T>) {
        std::forward<Make>(make)();
        value_.emplace();
      } else if constexpr (std::is_reference_v<T>) {
        value_.emplace(std::addressof(std::forward<Make>(make)()));
      } else {
        value_.emplace(made_in_place<Make>{make});
      }
    } catch (...) {
      error = std::current_exception();
    }
    finish(std::move(error));
  }

 private:
  std::optional<stored<T>> value_;
};

/// Queues an accepted result's job at `when`. Throws: `no_thread` (the result is cancelled).
FILCH_API void enqueue_at(pool_core& core, ref<future_base> work,
                          std::chrono::steady_clock::time_point when);
/// Stops its job `limit` from now, and makes it a `timed_out`; 0: no limit. Throws: as above.
FILCH_API void limit_future(future_base& result, std::chrono::nanoseconds limit);

/// Accepts a call and makes its result; undoes the former if the latter throws.
template <class State, class... A>
ref<State> accepted(pool_core& core, A&&... args) {
  enter(core);
  try {
    return make_ref<State>(core, std::forward<A>(args)...);
  } catch (...) {
    leave(core);
    throw;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
