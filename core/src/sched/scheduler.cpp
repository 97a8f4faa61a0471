#include "sched/scheduler.hpp"

#include <utility>

#include <filch/detail/current.hpp>

#include "base/warn.hpp"
#include "sched/spares.hpp"
#include "sched/waits.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
/// How often a busy worker looks at the injection queue before its own deque, so that jobs from
/// outside are not starved by jobs that make jobs.
constexpr std::uint64_t fairness = 61;
/// Slots for callers that run jobs in place; a caller that gets none works without a deque.
constexpr unsigned guests = 64;
}  // namespace

scheduler::scheduler(pool_core& core, engine& source, std::chrono::nanoseconds spin, hooks user,
                     thread_budget& budget, thread_set& threads)
    : core_(core),
      engine_(source),
      threads_(threads),
      width_(source.width()),
      spin_(spin),
      user_(std::move(user)),
      slots_(core, *this, width_, budget.most() + guests),
      spares_(std::make_unique<spares>(*this, budget, threads, user_.budget_freed)) {}

scheduler::~scheduler() = default;

void scheduler::start() {
  started_ = engine_.start(*this);
  if (started_ < width_) {
    warn("the system gave only " + std::to_string(started_) + " of " + std::to_string(width_) +
         " worker threads; " +
         (started_ == 0 ? "callers that wait will run the jobs" : "the pool works with those"));
  }
}

void scheduler::stop() noexcept {
  // order: a worker that wakes by the notify sees it [pair:STOPPING]
  stopping_.store(true, std::memory_order_release);
  sleep_.notify_all();
  spares_->stop();
  engine_.stop();
}

bool scheduler::stopping() const noexcept {
  // order: as stop left things [pair:STOPPING]
  return stopping_.load(std::memory_order_acquire);
}

// ---- queueing ---------------------------------------------------------------------------------

void scheduler::push(ref<job> work) noexcept {
  slot* me = current.home;
  if (me && me->core == &core_ && me->role() != slot::kind::io && !workerless()) {
    try {
      me->jobs.push(work.get());
      work.detach();
    } catch (const std::bad_alloc&) {
      // the deque cannot grow; the injection queue needs no memory
    }
  }
  if (work) injected_.push(std::move(work));
  wake(1);
}

void scheduler::push_n(ref<job>* work, std::size_t n) noexcept {
  if (n == 0) return;
  injected_.push_n(work, n);
  wake(n);
}

// One who looks for work already will find what was queued: it looks at everything once more
// before it stops. The others are woken.
void scheduler::wake(std::size_t n) noexcept {
  // order: what was queued before is seen by who stops to search or goes to sleep and is not seen
  // here [pair:SLEEP]
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // order: [relaxed: ordered by the fence above]
  const auto searching = static_cast<std::size_t>(searchers_.load(std::memory_order_relaxed));
  if (searching >= n) return;
  n -= searching;
  const std::size_t woken = sleep_.notify(n < 4096 ? static_cast<int>(n) : 4096);
  if (woken >= n) return;
  n -= woken;
  engine_.wake(n);
  bool had = true;
  for (; n > 0 && had && spares_->wanted(); --n) had = spares_->activate();
  // Where no thread can be had those that wait look again: it may be what they wait for.
  if (!had || workerless()) wait_registry::instance().nudge_all();
}

void scheduler::look_again() noexcept {
  if (has_work()) wake(1);
}

// Whoever stops looking for work asks here: from now on owners answer at their next fork, and what
// was queued or forked before is seen. That pairs with the fence of `wake`, for queues; for forks,
// whose owners cross no fence, the heavy one stands in for theirs.
bool scheduler::has_work() const noexcept {
  // order: an owner that forgets a question which is still seen here sees what this thread has
  // changed before, and wakes [pair:SLEEP]
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    if (slot* s = slots_.at(i)) s->forks->ask();
  }
  // order: either a pusher sees what this thread just changed, or we see its job [pair:SLEEP]; and
  // either an owner is asked at its next fork, or we see the fork [pair:FORK-ASK]
  heavy_fence();
  return sees_work();
}

bool scheduler::sees_work() const noexcept {
  if (sees_queued()) return true;
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    const slot* s = slots_.at(i);
    if (s && !s->forks->looks_empty()) return true;
  }
  return false;
}

bool scheduler::sees_queued() const noexcept {
  if (!injected_.looks_empty()) return true;
  // order: [relaxed: ordered by the asker's fence]
  if (any_passed_.load(std::memory_order_relaxed)) return true;
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    const slot* s = slots_.at(i);
    if (s && !s->jobs.looks_empty()) return true;
  }
  return false;
}

// ---- who is awake -----------------------------------------------------------------------------

slot* scheduler::lend_guest() noexcept {
  slot* lent = slots_.take(slot::kind::guest);
  if (!lent) return nullptr;
  // order: [relaxed: a count; who lowers it looks for work behind a fence]
  active_.fetch_add(1, std::memory_order_relaxed);
  lent->forks->ask();  // since the last guest all may have gone to sleep
  return lent;
}

// A guest that goes has joined its forks: if it was the last at work there are none.
void scheduler::return_guest(slot& lent) noexcept {
  slots_.give(lent);
  one_less(false);
}

// A guest that sleeps may have forks that only others can run now.
void scheduler::guest_rests() noexcept { one_less(true); }

void scheduler::one_less(bool leaves_forks) noexcept {
  // order: [relaxed: ordered by the fence below]
  const bool last = active_.fetch_sub(1, std::memory_order_relaxed) == 1;
  // order: either an owner sees one thread less, or we see who searches, or its job [pair:SLEEP]
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // order: [relaxed: ordered by the fence above]
  if (searchers_.load(std::memory_order_relaxed) != 0) return;
  if (!last || leaves_forks) return look_again();
  if (sees_queued()) wake(1);
}

void scheduler::thread_blocks() noexcept {
  // order: [relaxed: a count; the fence of has_work follows]
  active_.fetch_sub(1, std::memory_order_relaxed);
}

void scheduler::thread_returns() noexcept {
  // order: [relaxed: a count]
  active_.fetch_add(1, std::memory_order_relaxed);
}

bool scheduler::crowded(int without) const noexcept {
  // order: [relaxed: who lowers the count looks for work behind a fence]
  return active_.load(std::memory_order_relaxed) - without >= static_cast<int>(width_);
}

void scheduler::begin_search(slot& me) noexcept {
  if (me.searching) return;
  me.searching = true;
  // order: [relaxed: a searcher's own look at the queues comes later]
  searchers_.fetch_add(1, std::memory_order_relaxed);
}

void scheduler::give_up_search(slot& me) noexcept {
  if (!me.searching) return;
  me.searching = false;
  // order: [relaxed: a fence and a last look at everything follow]
  searchers_.fetch_sub(1, std::memory_order_relaxed);
}

// The last searcher has found something: producers have relied on it until now, so it looks for
// more before it begins. Where the pool is crowded already, forks can wait for their owners.
void scheduler::end_search(slot& me) noexcept {
  if (!me.searching) return;
  me.searching = false;
  // order: [relaxed: ordered by the fences below]
  if (searchers_.fetch_sub(1, std::memory_order_relaxed) > 1) return;
  if (!crowded() || spares_->wanted()) return look_again();
  // order: either a producer sees that nobody searches, or we see its job [pair:SLEEP]
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (sees_queued()) wake(1);
}

// ---- finding and running ----------------------------------------------------------------------

void scheduler::run_claimed(job& work, slot* me) noexcept {
  if (me) me->run.add();  // before it runs: who has waited for the job finds it counted
  work.set_runner(me);
  {
    within inside(work.where());
    work.run();
  }
  work.set_runner(nullptr);
}

bool scheduler::run_queued(slot& me, ref<job> work) noexcept {
  if (!work->claim()) return true;
  end_search(me);
  run_claimed(*work, &me);
  return true;
}

bool scheduler::run_stolen(slot& me) noexcept {
  const bool more_than_enough = crowded(1);
  for (bool again = true; again;) {
    again = false;
    const unsigned n = slots_.size();
    const unsigned first = n ? me.random() % n : 0;
    for (unsigned k = 0; k < n; ++k) {
      slot* victim = slots_.at((first + k) % n);
      if (!victim || victim == &me) continue;
      if (fork_job* half = more_than_enough ? nullptr : rob(me, *victim)) {
        run_fork(me, *half, true);
        return true;
      }
      job* work = nullptr;
      const auto got = victim->jobs.steal(work);
      if (got == steal_result::taken) {
        me.stolen.add();
        return run_queued(me, ref<job>::adopt(work));
      }
      again = again || got == steal_result::lost;
    }
  }
  return false;
}

bool scheduler::run_one(slot& me) noexcept {
  if (me.run.value() % fairness == fairness - 1) {
    if (auto work = injected_.pop()) return run_queued(me, std::move(work));
  }
  if (job* work = me.jobs.pop()) return run_queued(me, ref<job>::adopt(work));
  if (run_passed(me)) return true;
  if (auto work = injected_.pop()) return run_queued(me, std::move(work));
  return run_stolen(me);
}

void scheduler::forget(job& work, slot* me) noexcept {
  ref<job> dropped;
  if (me && me->core == &core_ && me->jobs.newest_is(&work)) {
    dropped = ref<job>::adopt(me->jobs.pop());
  } else {
    dropped = injected_.remove(work);
  }
}

void scheduler::drop_leftovers() noexcept {
  while (injected_.pop()) {
  }
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    slot* s = slots_.at(i);
    while (job* work = s ? s->jobs.pop() : nullptr) ref<job>::adopt(work);
  }
}

// ---- workers ----------------------------------------------------------------------------------

void scheduler::start_work(slot& me) noexcept {
  // order: [relaxed: a count]
  active_.fetch_add(1, std::memory_order_relaxed);
  greet(me);
  begin_search(me);
}

void scheduler::end_work(slot& me) noexcept {
  give_up_search(me);
  // order: [relaxed: a count; who sent the thread looks for work behind a fence]
  active_.fetch_sub(1, std::memory_order_relaxed);
  dismiss();
}

void scheduler::greet(slot& me) noexcept {
  current.home = &me;
  if (!user_.on_start) return;
  try {
    user_.on_start();
  } catch (...) {
    user_.on_unhandled(std::current_exception());
  }
}

void scheduler::dismiss() noexcept {
  if (user_.on_exit) {
    try {
      user_.on_exit();
    } catch (...) {
      user_.on_unhandled(std::current_exception());
    }
  }
  current.home = nullptr;
}

bool scheduler::find_for_a_while(slot& me) noexcept {
  begin_search(me);
  const auto until = std::chrono::steady_clock::now() + spin_;
  do {
    for (int i = 0; i < 16; ++i) {
      if (run_one(me)) return true;
      for (int k = 0; k < 8; ++k) spin_pause();
    }
  } while (!crowded(1) && std::chrono::steady_clock::now() < until && !stopping());
  return false;
}

bool scheduler::park(slot& me) noexcept {
  give_up_search(me);
  // order: [relaxed: a count; the fence of announce follows]
  active_.fetch_sub(1, std::memory_order_relaxed);
  const auto key = sleep_.announce();
  const bool step_down = me.role() == slot::kind::spare && spares_->surplus();
  if (stopping() || step_down || (crowded() ? sees_queued() : has_work())) {
    sleep_.withdraw();
  } else {
    me.parked.add();
    sleep_.sleep(key);
  }
  // order: [relaxed: a count]
  active_.fetch_add(1, std::memory_order_relaxed);
  begin_search(me);
  return !stopping();
}

void scheduler::work_and_park(slot& me) noexcept {
  do {
    while (run_one(me) || find_for_a_while(me)) {
    }
  } while (park(me));
}

bool scheduler::add_worker() {
  slot* me = slots_.take(slot::kind::worker);
  if (!me) return false;
  const bool begun = static_cast<bool>(threads_.start(
      [this, me] {
        start_work(*me);
        work_and_park(*me);
        end_work(*me);
        slots_.give(*me);
      },
      ""));
  if (!begun) slots_.give(*me);
  return begun;
}

void scheduler::work_until_idle() {
  slot* me = slots_.take(slot::kind::worker);
  if (!me) return;
  const auto outer = std::exchange(current, current_thread{});
  start_work(*me);
  while (run_one(*me) || find_for_a_while(*me)) {
  }
  end_work(*me);
  current = outer;
  slots_.give(*me);
}

void scheduler::work_as_spare(slot& me, const std::function<bool()>& surplus) noexcept {
  start_work(me);
  while (!surplus()) {
    if (!run_one(me) && !find_for_a_while(me) && !park(me)) break;
  }
  end_work(me);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
