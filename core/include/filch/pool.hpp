#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <filch/algorithm.hpp>
#include <filch/engine.hpp>
#include <filch/error.hpp>
#include <filch/fork_join.hpp>
#include <filch/future.hpp>
#include <filch/imap.hpp>
#include <filch/map.hpp>
#include <filch/options.hpp>
#include <filch/race.hpp>
#include <filch/reduce.hpp>
#include <filch/scope.hpp>
#include <filch/submit.hpp>

namespace filch {
inline namespace v0 {

/// How a pool is made; every field has a default.
struct pool_options {
  /// The most threads the pool may have: workers, stand-ins and lane::io together. 0: workers +
  /// 256. Contenders of a race are not counted.
  unsigned max_threads = 0;
  /// The prefix of the threads' names, as `top` shows them.
  std::string name = "filch";
  /// Called on each worker thread as it ends.
  std::function<void()> on_exit = {};
  /// Called on each worker thread before its first job. If it throws, the thread ends and the
  /// error goes to `on_unhandled`.
  std::function<void()> on_start = {};
  /// Receives errors that nobody can: of `post`, and of futures dropped unread. Default: one
  /// line on stderr, and a count.
  std::function<void(std::exception_ptr)> on_unhandled = {};
  /// How long an idle worker looks for work before it sleeps.
  std::chrono::nanoseconds spin = std::chrono::microseconds(20);
  /// Bytes of stack of each thread the pool starts; 0: the system's default.
  std::size_t stack_size = 0;
  /// cpu workers; 0: by affinity, cgroup quota and FILCH_WORKERS.
  unsigned workers = 0;
};

/// Counters of one slot of a pool: a worker, a stand-in, or a caller that ran jobs in place.
struct worker_stats {
  std::uint64_t run = 0;
  std::uint64_t stolen = 0;
  std::uint64_t forced = 0;
  std::uint64_t parked = 0;
};

/// What a pool has done so far. Numbers are exact once the pool is idle.
struct pool_stats {
  unsigned workers = 0;
  unsigned io_threads = 0;
  std::uint64_t io_threads_started = 0;
  std::uint64_t spares_started = 0;
  std::uint64_t suppressed = 0;
  std::uint64_t unhandled = 0;
  std::vector<worker_stats> per_worker;
  /// The sum over `per_worker`.
  worker_stats total() const noexcept;
};

/// What `shutdown_for` left behind.
struct shutdown_report {
  /// True when everything accepted has ended.
  bool finished = true;
  /// Calls and jobs that still run; they were asked to stop.
  std::size_t still_running = 0;
};

/// The verbs, as members of pools and of views with options.
template <class Self>
class verbs : public submit_verbs<Self>,
              public map_verbs<Self>,
              public reduce_verbs<Self>,
              public algorithm_verbs<Self>,
              public stream_verbs<Self>,
              public race_verbs<Self>,
              public fork_verbs<Self>,
              public scope_verbs<Self> {};

/// A pool with options: `pool.with({.chunk = 64})`. Cheap to copy. Holds the pool's core, not the
/// pool: used after the pool has ended, its verbs throw `pool_closed`.
class view : public verbs<view> {
 public:
  view(detail::pool_ptr core, job_options options)
      : core_(std::move(core)), options_(std::move(options)) {}
  /// The same pool with other options.
  view with(job_options options) const { return {core_, std::move(options)}; }
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
class FILCH_API pool : public verbs<pool> {
 public:
  /// One worker per usable core. Throws: `bad_alloc`. Where the system has no thread to give the
  /// pool starts with fewer workers and a warning; with none, waiters run the jobs.
  pool();
  /// `workers` workers. Throws: `std::invalid_argument` for 0 or more than 4096.
  explicit pool(unsigned workers);
  /// Throws: `std::invalid_argument` for impossible options.
  explicit pool(pool_options options);
  /// A pool whose workers come from `engine`; `options.workers` is ignored.
  /// Throws: `std::invalid_argument` for a null engine.
  explicit pool(std::unique_ptr<engine> engine, pool_options options = {});
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
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
  shutdown_report shutdown_for(std::chrono::nanoseconds limit);

  pool_stats stats() const;
  /// One paragraph for people: engine, workers, and which rule decided their number.
  std::string describe() const;
  /// How many cpu workers were asked for; 0 on a serial engine.
  unsigned workers() const noexcept;

  detail::bound bound() const noexcept { return {*core_, detail::no_options()}; }

 private:
  detail::pool_ptr core_;
};

/// The pool of the free verbs (`filch::map(f, xs)`) outside of any job. Made on first use, never
/// destroyed. Native unless `set_default_engine` ran before. Throws: as `pool()`.
FILCH_API pool& default_pool();
/// Chooses the engine of the default pool. Throws: `std::logic_error` once the pool exists.
FILCH_API void set_default_engine(std::unique_ptr<engine> engine);

}  // namespace v0
}  // namespace filch
