#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include <filch/detail/export.hpp>

/// \file
/// What a pool is made from, and what it tells about itself.

namespace filch {
inline namespace v0 {

/// How a pool is made; every field has a default.
struct pool_options {
  /// The most threads the pool may have: workers, stand-ins and lane::io together. 0: workers +
  /// 256. Contenders of a race are not counted.
  unsigned max_threads = 0;
  /// The prefix of the threads' names, as `top` shows them.
  std::string name = "filch";
  /// Whether others stand in for workers that jobs block without a word.
  bool notice_blocking = true;
  /// Called on each worker thread as it ends.
  std::function<void()> on_exit = {};
  /// Called on each worker thread before its first job. If it throws, the error goes to
  /// `on_unhandled` and the thread works all the same. An engine that lends its threads has both
  /// called each time one comes and goes.
  std::function<void()> on_start = {};
  /// Receives errors that nobody can: of `post`, and of futures dropped unread. Default: one
  /// line on stderr, and a count.
  std::function<void(std::exception_ptr)> on_unhandled = {};
  /// Whether each worker is bound to a CPU of its own while it works: core complex by core complex,
  /// first threads of cores first. More workers than CPUs share them. Stand-ins, io threads and
  /// callers are never bound. For machines that run nothing else.
  bool pin_workers = false;
  /// How long an idle worker looks for work before it sleeps.
  std::chrono::nanoseconds spin = std::chrono::microseconds(20);
  /// Bytes of stack of each thread the pool starts; 0: the system's default.
  std::size_t stack_size = 0;
  /// A new file for a trace of all jobs, and of the nodes of task graphs, as Chrome's and
  /// Perfetto's trace viewers read it; written when the pool ends, that of the default pool when
  /// the process does. Empty: the file that FILCH_TRACE names (with .2, .3, ... for the second
  /// pool, the third, ...), if it names one.
  std::string trace = {};
  /// Whether a pool whose jobs block its workers often says so on stderr, once.
  bool warn_blocking = true;
  /// cpu workers; 0: by affinity, cgroup quota and FILCH_WORKERS.
  unsigned workers = 0;
};

/// Counters of one slot of a pool: a worker, a stand-in, or a caller that ran jobs in place.
struct worker_stats {
  /// Jobs begun, each counted before its first line: who has waited for a job finds it counted.
  std::uint64_t run = 0;
  /// Jobs and halves of forks taken from others.
  std::uint64_t stolen = 0;
  /// Those among the halves that were taken without their owner's answer, as it did not look up.
  std::uint64_t forced = 0;
  /// How often it fell asleep.
  std::uint64_t parked = 0;
};

/// What a pool has done so far. Numbers are exact once the pool is idle.
struct pool_stats {
  /// cpu workers there are.
  unsigned workers = 0;
  /// Threads of `lane::io` there are now.
  unsigned io_threads = 0;
  /// All threads of `lane::io` that were started.
  std::uint64_t io_threads_started = 0;
  /// All threads that were started to stand in for blocked workers.
  std::uint64_t spares_started = 0;
  /// How often a worker was found blocked in a lock by a job that said nothing.
  std::uint64_t blocked_in_locks = 0;
  /// The same in other system calls.
  std::uint64_t blocked_elsewhere = 0;
  /// How often somebody looked for blocked workers.
  std::uint64_t looks_for_blocked = 0;
  /// Errors that no call has thrown, because another one came before them.
  std::uint64_t suppressed = 0;
  /// Errors that went to `on_unhandled`.
  std::uint64_t unhandled = 0;
  /// One for each slot that was ever used, the workers first.
  std::vector<worker_stats> per_worker;
  /// The sum over `per_worker`.
  FILCH_API worker_stats total() const noexcept;
};

/// What `shutdown_for` left behind.
struct shutdown_report {
  /// True when everything accepted has ended.
  bool finished = true;
  /// Calls and jobs that still run; they were asked to stop.
  std::size_t still_running = 0;
};

}  // namespace v0
}  // namespace filch
