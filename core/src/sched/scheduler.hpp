#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

#include <filch/engine.hpp>

#include "base/machine.hpp"
#include "base/thread_set.hpp"
#include "queue/injection_queue.hpp"
#include "sched/budget.hpp"
#include "sched/crew.hpp"
#include "sched/monitor.hpp"
#include "sched/slot_table.hpp"
#include "sched/spares.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

class trace_log;

/// The cpu side of a pool: where jobs wait, who takes which, who sleeps and who is woken. Engines
/// see it as the place their threads work at.
class scheduler final : public workplace {
 public:
  struct hooks {
    std::function<void()> on_start, on_exit;
    std::function<void(std::exception_ptr)> on_unhandled;
    /// A thread of the budget was given back.
    std::function<void()> budget_freed;
  };

  /// Where threads work.
  struct placement {
    const machine& on;
    bool pin_workers;
  };

  /// Whether jobs that block without a word are noticed, and told of where there are many.
  struct attention {
    bool notice, warn;
    std::string_view pool_name;
  };

  /// `core` is only compared with what contexts name.
  scheduler(pool_core& core, engine& source, std::chrono::nanoseconds spin, hooks user,
            placement place, attention blocking, thread_budget& budget, thread_set& threads);
  ~scheduler();

  /// Lets the engine begin; the number of workers there will be is `started()` afterwards.
  void start();
  /// Ends all workers and spares. Requires: no job is left.
  void stop() noexcept;

  /// For the end of the process: none of its threads begins another job, and none ends. Lent ones
  /// go home.
  void freeze() noexcept;
  bool is_frozen() const noexcept;
  void stay_if_frozen() const noexcept;

  // for engines
  void work_until_idle() override;
  bool has_work() const noexcept override { return !is_frozen() && crew_.needs_another(); }
  bool add_worker() override;

  /// Queues jobs and wakes who is needed. From a worker's own thread into its deque, else into
  /// the injection queue.
  void push(ref<job> work) noexcept;
  void push_n(ref<job>* work, std::size_t n) noexcept;
  /// Somebody has asked slot `me` for forks: makes some public and wakes who can take them.
  void answer(slot& me) noexcept;
  /// Gives a stolen fork that the thief must not run to somebody who may.
  void pass_on(fork_job& half) noexcept;
  /// Takes `half` back if it was passed on and nobody has it yet: then the caller must run it.
  bool take_passed(fork_job& half) noexcept;
  /// Whether `take_passed` would succeed.
  bool has_passed(const fork_job& half) noexcept;

  /// Makes every parked thread look around once.
  void wake_sleepers() noexcept { crew_.wake_all(); }
  /// Wakes who is needed for jobs that are queued already; crosses the fence of a push.
  void look_again() noexcept { crew_.look_again(); }

  /// Finds one job and runs it on slot `me`; false if none was found.
  bool run_one(slot& me) noexcept;
  /// Takes from `victim` only, and runs what it finds if that is below `what`. True if it ran
  /// something; `give_up` is set when the victim's oldest job was another's.
  bool run_one_below(slot& me, slot& victim, const void* what, bool& give_up) noexcept;
  /// Runs half of a fork that was stolen, on the calling thread.
  static void run_half(fork_job& half, slot& me, bool then_search = false) noexcept;
  /// Runs a claimed job on the calling thread.
  static void run_claimed(job& work, slot* me) noexcept;
  static void run_logged(job& work, slot& me) noexcept;
  /// The queue's reference of a job that was claimed elsewhere, where it can be had cheaply.
  void forget(job& work, slot* me) noexcept;
  /// The oldest injected job: how waiters of a pool without workers run it in order.
  ref<job> next_in_order() noexcept { return injected_.pop(); }

  /// Gives back the queues' references to jobs that were claimed elsewhere. After stop().
  void drop_leftovers() noexcept;

  /// A slot for a caller that runs jobs in place, or null. It counts among the threads at work
  /// unless its thread does already.
  slot* lend_guest(bool counts) noexcept;
  /// Takes it back; jobs it made and left become everybody's.
  void return_guest(slot& lent) noexcept;
  /// The thread of a slot was found blocked inside a job, and so noticed: it is not at work, and a
  /// spare may stand in for a thread of the pool. / It was noticed and goes on.
  void is_blocked(slot& s) noexcept;
  void goes_on(slot& s) noexcept;
  /// The slot's own thread begins to wait inside a job, for parts of its own call or
  /// for something `outside` of it.
  void begins_wait(slot& s, bool outside) noexcept;
  void ends_wait(slot& s) noexcept;
  /// The calling thread has ended a job of that name, or a part of one.
  static void ends_job(slot* home, std::string_view name) noexcept {
    for (; home; home = home->outer) {
      if (home->mark.end_job()) [[unlikely]]
        home->cpu->was_noticed(*home, name);
    }
  }
  /// Whether the calling thread, at work in that slot, is a spare too many.
  static bool is_surplus(const slot* home) noexcept {
    return home->role() == slot::kind::spare && home->cpu->spares_->surplus();
  }
  /// The steps of a spare that begins to stand in, and of a worker that slept.
  void worker_blocks() noexcept { crew_.worker_blocks(); }
  void thread_returns() noexcept { crew_.one_more(); }

  /// A part of a loop was left open.
  void opened_part() noexcept {
    // order: either we see that nobody looks, or the monitor's last look, behind its barrier, sees
    // the part [pair:OPEN-WATCH]
    std_atomics::light_fence();
    if (crew_.crowded()) watch();
  }

  // for the monitor
  /// Something is queued or forked, and as many threads are at work as should be, or too few.
  bool has_backlog() const noexcept;
  /// As `has_backlog`, for who stops to look: what comes later calls `watch`.
  bool is_held_up() const noexcept;
  /// So many threads may work above one for each worker.
  void allow_more(unsigned n) noexcept;
  unsigned most_spares() const noexcept { return budget_.most(); }
  monitor::counts noticed() const noexcept { return monitor_.so_far(); }

  /// Where jobs note when they ran; null for most pools. Set before start().
  void set_log(trace_log* log) noexcept { log_ = log; }
  trace_log* log() const noexcept { return log_; }

  slot_table& slots() noexcept { return slots_; }
  spares& stand_ins() noexcept { return *spares_; }
  unsigned width() const noexcept { return width_; }
  unsigned started() const noexcept { return started_; }
  /// True where no thread but those that wait will ever run a cpu job.
  bool workerless() const noexcept { return started_ == 0; }
  std::chrono::nanoseconds spin() const noexcept { return spin_; }
  /// One cpu job at a time in a pool without workers.
  std::mutex& turn() noexcept { return turn_; }

  /// The loop of a spare's thread; returns when `surplus` says so between two jobs.
  void work_as_spare(slot& me, const std::function<bool()>& surplus) noexcept;

 private:
  // What the crew asks.
  friend class crew<scheduler>;
  bool sees_queued() const noexcept;
  bool sees_forks() const noexcept;
  void ask_for_forks() const noexcept;
  bool ask_for_good() const noexcept;
  bool wants_stand_in() const noexcept;
  void call_others(std::size_t n) noexcept;
  void watch() noexcept {
    if (blocking_.notice) monitor_.watch();
  }

  void work_and_park(slot& me) noexcept;
  bool find_for_a_while(slot& me) noexcept;
  bool park(slot& me) noexcept;
  static job* oldest_own(slot& me) noexcept;
  static job* next_own(slot& me) noexcept;
  bool run_injected(slot& me) noexcept;
  bool run_stolen(slot& me) noexcept;
  bool run_found(slot& me, slot& victim, bool& again) noexcept;
  void note_home(slot& me) noexcept;
  void was_noticed(slot& me, std::string_view name) noexcept;
  void count_out(slot& s) noexcept;
  void count_in(slot& s) noexcept;
  bool sees_open() const noexcept;
  bool run_open(slot& me) noexcept;
  void run_extra_part(slot& me, open_part& part) noexcept;
  std::size_t jobs_waiting() const noexcept;
  cpu_binding bind(const slot& me) const noexcept;
  bool run_passed(slot& me) noexcept;
  void run_fork(slot& me, fork_job& half, bool then_search) noexcept;
  /// Takes half of a fork from `victim`, by force if it has not answered for long enough.
  fork_job* rob(slot& me, slot& victim) noexcept;
  static bool keeps_silent(slot& me, slot& victim) noexcept;
  static bool may_force() noexcept;
  static bool stays_public(const fork_deque& forks) noexcept;
  void start_work(slot& me) noexcept;
  void end_work(slot& me) noexcept;
  bool run_queued(slot& me, ref<job> work) noexcept;
  void greet(slot& me) noexcept;
  void dismiss() noexcept;
  bool stopping() const noexcept;

  pool_core& core_;
  engine& engine_;
  thread_set& threads_;
  const unsigned width_;
  const std::chrono::nanoseconds spin_;
  const hooks user_;
  const placement place_;
  const attention blocking_;
  unsigned started_ = 0;
  trace_log* log_ = nullptr;
  slot_table slots_;
  injection_queue injected_;
  std::mutex passed_lock_;
  fork_job* passed_ = nullptr;
  std::atomic<bool> any_passed_{false};
  crew<scheduler> crew_;
  /// Threads that wait for something outside of their calls, noticed ones included.
  std::atomic<int> outside_{0};
  enum class phase : std::uint8_t { working, stopping, frozen };
  std::atomic<phase> phase_{phase::working};
  std::mutex turn_;
  thread_budget& budget_;
  std::unique_ptr<spares> spares_;
  monitor monitor_;
  std::atomic_flag warned_;
};

/// Tells the owner of a stolen half that `ends_early` that it is over; the caller's last access to
/// it, and to be called by its `run`, once.
void end_early(fork_job& half) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
