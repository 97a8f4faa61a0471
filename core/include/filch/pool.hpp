#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <filch/engine.hpp>
#include <filch/error.hpp>
#include <filch/fork_join.hpp>
#include <filch/future.hpp>
#include <filch/options.hpp>
#include <filch/pool_options.hpp>
#include <filch/submit.hpp>
#include <filch/verbs.hpp>

namespace filch {
inline namespace v0 {

/// A pool with options: `pool.with({.chunk = 64})`. Cheap to copy. Holds the pool's core, not the
/// pool: used after the pool has ended, its verbs throw `pool_closed`.
class view : public verbs<view>, public submit_verbs<view>, public fork_verbs<view> {
 public:
  /// \private Views are made by `with`.
  view(detail::pool_ptr core, job_options options)
      : core_(std::move(core)), options_(std::move(options)) {}
  /// The same pool with other options.
  view with(job_options options) const { return {core_, std::move(options)}; }
  /// \private For filch's own verbs.
  detail::bound bound() const noexcept { return {*core_, options_}; }

 private:
  detail::pool_ptr core_;
  job_options options_;
};

/// Threads that run jobs: cpu-bound ones on one worker per core, blocking ones on `lane::io`.
///
/// Threads: every member may be called from any thread, and from the pool's own jobs.
/// Lifetime: the destructor finishes everything accepted, then joins; it may run on any thread.
/// In one of the pool's own jobs it hands the joining to a thread of its own and returns.
class FILCH_API pool : public verbs<pool>, public submit_verbs<pool>, public fork_verbs<pool> {
 public:
  /// One worker per usable core. Throws: `bad_alloc`. Where the system has no thread to give the
  /// pool starts with fewer workers and a warning; with none, waiters run the jobs.
  pool();
  /// That many workers. Throws: `std::invalid_argument` for 0 or more than 4096.
  explicit pool(unsigned workers);
  /// As `options` say. Throws: `std::invalid_argument` for impossible ones.
  explicit pool(pool_options options);
  /// A pool whose workers come from `engine`; `options.workers` is ignored.
  /// Throws: `std::invalid_argument` for a null engine.
  explicit pool(std::unique_ptr<engine> engine, pool_options options = {});
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  /// Finishes everything accepted, then joins; see above.
  ~pool();

  /// The same verbs with options.
  view with(job_options options) const { return {core_, std::move(options)}; }

  /// From now on calls from outside throw `pool_closed`; calls from the pool's own jobs are
  /// accepted until the last of them has finished. Idempotent.
  void close();
  /// Waits until everything accepted has finished and all threads have ended.
  /// Throws: `std::logic_error` unless closed; `would_deadlock` in one of the pool's own jobs.
  void join();
  /// Closes, cancels what has not started, asks the rest to stop, and waits at most `limit`.
  /// Throws: `forked_pool`.
  shutdown_report shutdown_for(std::chrono::nanoseconds limit);

  /// What it has done so far. Cost: a walk over its threads.
  pool_stats stats() const;
  /// One paragraph for people: engine, workers, and which rule decided their number.
  std::string describe() const;
  /// How many cpu workers were asked for; 0 on a serial engine.
  unsigned workers() const noexcept;

  /// \private For filch's own verbs.
  detail::bound bound() const noexcept { return {*core_, detail::no_options()}; }

 private:
  detail::pool_ptr core_;
};

/// The pool of the free verbs (`filch::map(f, xs)`) outside of any job. Made on first use, never
/// destroyed; how it ends with the process: `exit_now` (exit.hpp). Native unless
/// `set_default_engine` ran before. Throws: as `pool()`.
FILCH_API pool& default_pool();
/// Chooses the engine of the default pool. Throws: `std::logic_error` once the pool exists.
FILCH_API void set_default_engine(std::unique_ptr<engine> engine);

}  // namespace v0
}  // namespace filch
