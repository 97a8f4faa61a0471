#include <optional>

#include <filch/detail/awaited.hpp>
#include <filch/detail/current.hpp>
#include <filch/detail/stack_guard.hpp>
#include <filch/error.hpp>

#include "pool/pool_core.hpp"
#include "pool/stall.hpp"
#include "pool/waiting.hpp"
#include "sched/blocked.hpp"
#include "sched/waits.hpp"

// The waiting rules; docs/design/waiting.md tells why.

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// One wait, step by step. Each step returns true when it ran something, so that the caller looks
/// again before it goes on to the next, costlier one.
class wait_steps {
 public:
  explicit wait_steps(awaited& a) noexcept : a_(a), pool_(a.pool()) {
    if (pool_ && pool_->cpu().workerless()) in_order_ = pool_;
  }

  void run() {
    while (!a_.done().is_set()) {
      if (run_in_order() || run_unclaimed() || run_passed_on() || run_below()) continue;
      sleep();
    }
  }

 private:
  bool done() const noexcept { return a_.done().is_set(); }

  // A pool without workers: who waits from outside runs what was submitted, oldest first.
  bool run_in_order() {
    if (!in_order_ || in_order_->is_inside()) return false;
    // Where nothing is queued there is no reason to stand behind whoever has the turn.
    if (!in_order_->cpu().has_work()) return false;
    visit here(*in_order_);
    bool any = false;
    while (!done()) {
      auto work = in_order_->cpu().next_in_order();
      if (!work) break;
      if (work->claim()) scheduler::run_claimed(*work, current.home);
      any = true;
    }
    return any;
  }

  bool run_unclaimed() {
    const auto work = a_.unclaimed();
    if (!work) return false;
    pool_core& pool = *work->where().pool;
    const bool on_io = work->where().lane == lane::io;
    // A caller from outside must not be kept by somebody's blocking call.
    if (on_io && !pool.is_inside()) return false;
    // A part of this frame's own call is no deeper than the call; and others may use the frame, so
    // it must not be left.
    if (!a_.structured()) require_stack();
    if (!work->claim()) return true;
    visit here(pool);
    pool.cpu().forget(*work, current.home);
    if (on_io) {
      pool.io().forget(*work);
      blocked_worker stood_in_for(current.home, blocked_worker::on::others);
      scheduler::run_claimed(*work, current.home);
    } else {
      scheduler::run_claimed(*work, current.home);
    }
    return true;
  }

  // A half of a fork that its thief had to pass on, before anybody else picked it up.
  bool run_passed_on() {
    fork_job* half = a_.half();
    if (!half || !a_.pool()->cpu().take_passed(*half)) return false;
    scheduler::run_half(*half, *current.home);
    return true;
  }

  // Runs jobs that the threads busy with our parts have made and not begun: they are below what
  // we wait for, or else are handed on. For as long as an idle worker would look for work.
  bool run_below() {
    slot* me = current.home;
    if (!me || !pool_ || me->core != pool_ || me->role() == slot::kind::io) return false;
    if (pool_->cpu().workerless() || !has_stack()) return false;
    const auto until = std::chrono::steady_clock::now() + pool_->cpu().spin();
    do {
      bool give_up = false;
      for (std::size_t i = 0; slot* victim = a_.runner(i); ++i) {
        if (victim == me || victim->core != pool_) continue;
        if (pool_->cpu().run_one_below(*me, *victim, a_.what(), give_up)) return true;
        if (give_up) return false;
      }
      for (int k = 0; k < 16 && !done(); ++k) spin_pause();
      if (done()) return true;
    } while (std::chrono::steady_clock::now() < until);
    return false;
  }

  void sleep() {
    waiter w(a_);
    registration r(w);
    if (!r.entered()) throw_circle();
    const outsider_asleep known_to_queues(a_.pool());
    std::optional<endless_sleep> endless;
    if (pool_core* mine = counted_in(); mine && depends_on(a_, *mine)) {
      endless.emplace(*mine, nullptr, a_.done());
    }
    turn_pause paused;
    blocked_worker stood_in_for(
        current.home, a_.structured() ? blocked_worker::on::parts : blocked_worker::on::others);
    while (const auto key = a_.done().prepare()) {
      if (wait_registry::instance().is_doomed(w)) throw_circle();
      if (something_to_run()) return;
      a_.done().sleep(key);
    }
  }

  // After prepare(): whoever queues something later for which there is no thread nudges the latch.
  bool something_to_run() noexcept {
    // order: either who queues sees that we sleep, or we see what was queued [pair:SLEEP]
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (in_order_ && !in_order_->is_inside() && in_order_->cpu().has_work()) return true;
    fork_job* half = a_.half();
    if (half && a_.pool()->cpu().has_passed(*half)) return true;
    const auto work = a_.unclaimed();
    return work && (work->where().lane == lane::cpu || work->where().pool->is_inside());
  }

  class registration {
   public:
    explicit registration(waiter& w) noexcept
        : w_(w), home_(current.home), entered_(wait_registry::instance().enter(w, home_)) {}
    ~registration() { wait_registry::instance().leave(w_, home_); }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    bool entered() const noexcept { return entered_; }

   private:
    waiter& w_;
    slot* home_;
    bool entered_;
  };

  [[noreturn]] static void throw_circle() {
    throw would_deadlock(
        "filch: this wait can never end: the job it waits for is waiting, directly or through "
        "others, for the job that waits here. Let one of them finish first, or use then()");
  }

  awaited& a_;
  pool_core* pool_;
  pool_core* in_order_ = nullptr;
};

/// Half of a fork that a thief has.
class stolen_half final : public awaited {
 public:
  stolen_half(slot& owner, fork_job& half) noexcept
      : owner_(owner), half_(half), place_(owner.forks->newest()) {}
  latch& done() noexcept override { return owner_.forks->done(place_); }
  ref<job> unclaimed() noexcept override { return {}; }
  slot* runner(std::size_t i) noexcept override {
    return i == 0 ? owner_.forks->thief(place_) : nullptr;
  }
  const void* what() const noexcept override { return &half_; }
  bool structured() const noexcept override { return true; }
  pool_core* pool() noexcept override { return owner_.core; }
  fork_job* half() noexcept override { return &half_; }

 private:
  slot& owner_;
  fork_job& half_;
  const fork_deque::index place_;
};

}  // namespace

void answer_thieves() noexcept { current.home->cpu->answer(*current.home); }

bool reclaim_or_wait(fork_deque& forks, fork_job& half) {
  if (forks.reclaim()) return true;
  stolen_half stolen(*current.home, half);
  wait(stolen);
  forks.forget();
  return false;
}

void wait(awaited& a) {
  if (a.done().is_set()) return;
  // Before anything is run in place; and whoever must not leave its frame blocks all the same.
  if (!a.structured()) must_not_wait_here();
  wait_on_any_thread(a);
}

void wait_on_any_thread(awaited& a) {
  if (a.done().is_set()) return;
  if (pool_core* pool = a.pool()) pool->require_same_process();
  wait_steps(a).run();
}

bool wait_until(awaited& a, std::chrono::steady_clock::time_point deadline) {
  if (a.done().is_set()) return true;
  if (pool_core* pool = a.pool()) pool->require_same_process();
  turn_pause paused;
  blocked_worker stood_in_for(current.home, blocked_worker::on::others);
  return a.done().wait_until(deadline);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
