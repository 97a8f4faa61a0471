#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include <filch/detail/core.hpp>
#include <filch/pool_options.hpp>

#include "base/fork_guard.hpp"
#include "base/thread_set.hpp"
#include "base/trace_log.hpp"
#include "io/io_lane.hpp"
#include "pool/gate.hpp"
#include "pool/stall.hpp"
#include "sched/budget.hpp"
#include "sched/scheduler.hpp"
#include "sync/timer_queue.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// Everything a pool is, behind the handle that users hold: the cpu scheduler, the io lane, the
/// timers, the count of accepted work, and the life cycle that ties them together.
class pool_core : public std::enable_shared_from_this<pool_core> {
 public:
  pool_core(std::unique_ptr<engine> source, pool_options options, std::string rule,
            const machine& on = this_machine());
  ~pool_core();
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;

  /// Starts the workers. Separate from construction: threads need the shared pointer.
  void start() { cpu_->start(); }

  pool_ptr share() { return shared_from_this(); }
  /// Nobody is left to end it: it stays for as long as the process. Needs no memory.
  void stay() noexcept { self_ = shared_from_this(); }
  scheduler& cpu() noexcept { return *cpu_; }
  io_lane& io() noexcept { return io_; }
  timer_queue& timers() noexcept { return timers_; }
  gate& door() noexcept { return door_; }
  stop_link& root_stop() noexcept { return root_stop_; }
  std::stop_token ending() const noexcept { return ending_.get_token(); }
  unsigned width() const noexcept { return width_; }
  unsigned io_ceiling() const noexcept { return budget_.most(); }
  /// How many threads it may have at a time, without guests and contenders of races.
  unsigned most_threads() const noexcept { return cpu_->started() + budget_.most(); }
  stall_watch& stalls() noexcept { return stalls_; }
  void require_same_process() const { born_in_.require_same_process(); }

  /// True if the calling thread runs a job or call of this pool, or is one of its threads.
  bool is_inside() const noexcept;
  /// As `is_inside`; true as well on a thread of another pool, in a part of a call that one of this
  /// pool's jobs has made there: the job cannot end before it.
  bool is_part_of() const noexcept;

  void report(std::exception_ptr error) noexcept;
  void count_suppressed(std::size_t n) noexcept {
    // order: [relaxed: a statistic]
    suppressed_.fetch_add(n, std::memory_order_relaxed);
  }

  void close() noexcept { door_.close(); }
  /// Waits for the end of everything accepted and ends all threads; once.
  void join() noexcept;
  /// Writes the trace, if one is kept. `join` does so; the default pool never comes to that.
  void write_trace() noexcept;
  shutdown_report shutdown_for(std::chrono::nanoseconds limit);
  pool_stats stats() const;
  std::string describe() const;

 private:
  /// Runs the jobs queued in a pool without workers, in order.
  void end_queued() noexcept;

  const fork_generation born_in_ = fork_generation::current();
  const pool_options options_;
  const std::unique_ptr<engine> engine_;
  const unsigned width_;
  const std::string rule_;
  thread_budget budget_;
  thread_set threads_;
  stop_link root_stop_;
  std::stop_source ending_;
  gate door_;
  std::atomic<std::uint64_t> suppressed_{0};
  std::atomic<std::uint64_t> unhandled_{0};
  timer_queue timers_;
  stall_watch stalls_;
  std::unique_ptr<scheduler> cpu_;
  slot timer_place_;  // so that the thread of the timers counts as the pool's own
  io_lane io_;
  std::unique_ptr<trace_log> log_;
  std::mutex join_lock_;
  bool joined_ = false;
  pool_ptr self_;  // set only by stay()
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
