#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <string_view>

#include <filch/detail/awaited.hpp>
#include <filch/detail/current.hpp>
#include <filch/detail/export.hpp>
#include <filch/detail/job.hpp>
#include <filch/detail/stop_link.hpp>

/// \file
/// What the verbs' templates may ask of a pool. `pool_core` itself is private to core/src.

namespace filch {
inline namespace v0 {
namespace detail {

using pool_ptr = std::shared_ptr<pool_core>;

/// The handle of a pool. Threads: any that was given the pool.
FILCH_API pool_ptr share(pool_core& core);

/// Accepts one call or job; the pool will not end before the matching `leave`.
/// Throws: `pool_closed` from outside after close(), `forked_pool` in a forked child.
/// `n`: so many `leave`s will follow.
FILCH_API void enter(pool_core& core, unsigned n = 1);
/// Requested when the pool begins to wait for its end. Whoever holds an accepted call only to be
/// able to make more of them gives it up then, or the wait would never end.
FILCH_API std::stop_token ending(pool_core& core);
/// Ends what `enter` accepted. The caller's last access to the pool.
FILCH_API void leave(pool_core& core) noexcept;

/// Hangs a new job's link below the running job's if it belongs to any pool, else below the pool's
/// root. With a user token and a parent both are obeyed. Throws: `bad_alloc`.
FILCH_API void hang_job(pool_core& core, stop_link& link, std::stop_token user);
/// The same for what needs a shared link from its start.
FILCH_API ref<stop_state> make_stop(pool_core& core, std::stop_token user);

/// Queues accepted jobs for the lane their context names and wakes who is needed; takes over one
/// reference of each. Cost: O(n), one wake-up pass. Threads: any.
FILCH_API void enqueue(pool_core& core, ref<job> work) noexcept;
FILCH_API void enqueue_n(pool_core& core, ref<job>* work, std::size_t n) noexcept;
/// Starts a job on an io thread at once, outside the lane's ceiling.
/// Throws: `no_thread` where the system has no thread left; the job is then untouched.
FILCH_API void start_uncounted(pool_core& core, ref<job> work);

/// How many cpu workers the pool has been asked for (0: only waiters run jobs), and how many
/// threads lane::io may have.
FILCH_API unsigned width(const pool_core& core) noexcept;
FILCH_API unsigned io_ceiling(const pool_core& core) noexcept;

/// Counts an error that a policy superseded (`stats().suppressed`).
FILCH_API void count_suppressed(pool_core& core, std::size_t n = 1) noexcept;
/// Hands an error that nobody can receive to the pool's on_unhandled.
FILCH_API void unhandled(pool_core& core, std::exception_ptr error) noexcept;

/// Runs `action` on the pool's timer thread at `when` (soon after, never before). `action` must be
/// short and must not throw. Returns an id for `cancel_timer`; 0 is never an id.
/// Throws: `no_thread`.
FILCH_API std::uint64_t call_at(pool_core& core, std::chrono::steady_clock::time_point when,
                                std::function<void()> action);
/// True if the action was removed and will not run; false if it ran, runs now, or is unknown.
FILCH_API bool cancel_timer(pool_core& core, std::uint64_t id) noexcept;

/// Lends the calling thread a slot of the pool and runs the pool's queue first where the engine
/// is serial; for a thread that is about to run jobs in place. Nothing to do for the pool's own.
class FILCH_API visit {
 public:
  /// `counts` keeps the pool from ending; needless inside a call, which does.
  explicit visit(pool_core& core, bool counts = true) noexcept;
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;
  ~visit();

 private:
  pool_core* core_;
  slot* lent_ = nullptr;
  slot* outer_ = nullptr;
  scheduler* paused_ = nullptr;
  bool counted_ = false;
};

/// One blocking call of a pool, on the caller's frame: accepted, with a stop link and a context.
class FILCH_API call_scope {
 public:
  /// Throws: as `enter`; `nesting_limit` where the stack is nearly used up.
  call_scope(pool_core& core, filch::lane lane, std::string_view name, std::stop_token token);
  call_scope(const call_scope&) = delete;
  call_scope& operator=(const call_scope&) = delete;
  ~call_scope();

  pool_core& core() noexcept { return *ctx_.pool; }
  context& ctx() noexcept { return ctx_; }
  stop_link& stop() noexcept { return stop_; }

 private:
  alignas(64) stop_link stop_;  // who takes part in the call reads both
  context ctx_;
};

/// The pool that runs the calling job, else the default pool.
FILCH_API pool_core& current_pool();

}  // namespace detail
}  // namespace v0
}  // namespace filch
