#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "base/thread_set.hpp"
#include "queue/injection_queue.hpp"
#include "sched/budget.hpp"
#include "sched/slot.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// lane::io: threads that may block. A job gets an idle thread, else a new one while the budget
/// lasts, else it waits in a queue; a thread without work for five seconds ends. Where the system
/// has no thread at all to give, jobs are handed back to run on the cpu workers: nothing is lost.
/// Threads: any. One mutex; starting or waking a thread dwarfs it.
class io_lane {
 public:
  /// `keep_alive` gives what keeps the lane itself alive while a thread works in it.
  io_lane(pool_core& core, scheduler& cpu, thread_budget& budget, thread_set& threads,
          std::function<std::shared_ptr<void>()> keep_alive) noexcept
      : core_(core),
        cpu_(cpu),
        budget_(budget),
        threads_(threads),
        keep_alive_(std::move(keep_alive)) {}

  /// Takes the job; gives it back if no thread exists and none can be started.
  ref<job> push(ref<job> work) noexcept;
  /// Runs the job at once on a thread that counts against no limit; false if there is none.
  bool start_uncounted(ref<job>& work) noexcept;
  /// The queue's reference of a job that was claimed elsewhere.
  ref<job> forget(job& work) noexcept { return queue_.remove(work); }
  /// The job's thread is no longer the lane's concern: it counts against no limit from now on.
  void leave_to(const job& work) noexcept;
  /// A place in the budget may be free: starts a waiting job.
  void budget_freed() noexcept;
  /// Ends idle threads; threads still in a job (abandoned losers) are let go. Requires: no
  /// accepted work is left.
  void stop() noexcept;

  unsigned threads() const noexcept;
  std::uint64_t started() const noexcept;

 private:
  struct worker {
    worker(pool_core& core, scheduler& cpu, unsigned i) : place(core, cpu, i, slot::kind::io) {}
    slot place;
    thread_set::handle thread;
    ref<job> work;
    bool counted = false;
    bool idle = false;
    std::atomic<std::uint32_t> called{0};
  };
  using worker_ptr = std::shared_ptr<worker>;

  bool hand_over(ref<job>& work, bool counted) noexcept;
  bool start_thread(ref<job>& work, bool counted) noexcept;
  void run(worker_ptr me) noexcept;
  bool next_job(worker& me) noexcept;
  bool wait_for_call(worker& me) noexcept;

  pool_core& core_;
  scheduler& cpu_;
  thread_budget& budget_;
  thread_set& threads_;
  const std::function<std::shared_ptr<void>()> keep_alive_;
  injection_queue queue_;
  mutable std::mutex lock_;
  std::list<worker_ptr> workers_;
  std::vector<worker*> idle_;
  std::uint64_t started_ = 0;
  unsigned numbers_ = 0;
  bool stopping_ = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
