#include "sched/scheduler.hpp"

#include <thread>
#include <utility>

#include <filch/detail/current.hpp>

#include "base/trace_log.hpp"
#include "base/warn.hpp"
#include "sched/spares.hpp"
#include "sched/victim_order.hpp"
#include "sched/waits.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
/// How often a busy worker takes the oldest job from outside, be it in its deque or in the
/// injection queue, so that they are not starved by jobs that make jobs.
constexpr unsigned fairness = 61;
/// How many jobs from outside a worker takes at a time, at most. Measured choice: a million posts
/// from outside to two workers on two cores cost 337 ns each with 4, 292 with 16, 304 with 64.
constexpr std::size_t injected_batch = 16;
/// A queue that gave one job is being filled just now; so many pauses at most until the next look.
/// Measured choice, as above: 415 ns with 0, 448 with 6, 292 with 16, 294 with 64.
constexpr unsigned most_linger = 16;
/// The beginning of a job's name, which may be gone when the job has run.
class kept_name {
 public:
  explicit kept_name(std::string_view name) noexcept : size_(std::min(name.size(), sizeof text_)) {
    if (size_ != 0) std::copy_n(name.data(), size_, text_);
  }
  std::string_view text() const noexcept { return {text_, size_}; }

 private:
  std::size_t size_;
  char text_[48];
};

/// A longer spin is for ever; a point in time so far ahead can still be told in nanoseconds.
constexpr std::chrono::hours longest_spin{24 * 365 * 100};

/// Slots for callers that run jobs in place; a caller that gets none works without a deque.
constexpr unsigned guests = 64;
}  // namespace

scheduler::scheduler(pool_core& core, engine& source, std::chrono::nanoseconds spin, hooks user,
                     placement place, attention blocking, thread_budget& budget,
                     thread_set& threads)
    : core_(core),
      engine_(source),
      threads_(threads),
      width_(source.width()),
      spin_(std::min<std::chrono::nanoseconds>(spin, longest_spin)),
      user_(std::move(user)),
      place_(place),
      blocking_{blocking.notice && width_ != 0 && has_heavy_fence(), blocking.warn,
                blocking.pool_name},
      slots_(core, *this, width_, guests, budget.most()),
      crew_(*this, width_),
      budget_(budget),
      spares_(std::make_unique<spares>(*this, budget, threads, user_.budget_freed)),
      monitor_(*this, threads) {}

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
  phase_.store(phase::stopping, std::memory_order_release);
  monitor_.stop();
  crew_.wake_all();
  spares_->stop();
  engine_.stop();
}

bool scheduler::stopping() const noexcept {
  // order: as stop left things [pair:STOPPING]
  return phase_.load(std::memory_order_acquire) == phase::stopping;
}

void scheduler::freeze() noexcept {
  // order: [relaxed: each thread sees it some time; nothing is handed over]
  phase_.store(phase::frozen, std::memory_order_relaxed);
}

bool scheduler::is_frozen() const noexcept {
  // order: [relaxed: as above]
  return phase_.load(std::memory_order_relaxed) == phase::frozen;
}

void scheduler::stay_if_frozen() const noexcept {
  while (is_frozen()) std::this_thread::sleep_for(std::chrono::hours(1));
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
  crew_.wake(1);
}

void scheduler::push_n(ref<job>* work, std::size_t n) noexcept {
  if (n == 0) return;
  injected_.push_n(work, n);
  crew_.wake(n);
}

void scheduler::call_others(std::size_t n) noexcept {
  if (blocking_.notice) monitor_.watch_closely();
  engine_.wake(n);
  bool had = true;
  for (; n > 0 && had && spares_->wanted(); --n) had = spares_->activate();
  // Where no thread can be had those that wait look again: it may be what they wait for.
  if (!had || workerless()) wait_registry::instance().nudge_all();
}

bool scheduler::wants_stand_in() const noexcept { return spares_->wanted(); }

void scheduler::ask_for_forks() const noexcept {
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    if (slot* s = slots_.at(i)) s->forks->ask();
  }
}

bool scheduler::ask_for_good() const noexcept {
  bool any = false;
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    if (slot* s = slots_.at(i)) any |= s->forks->ask_for_good();
  }
  return any;
}

bool scheduler::sees_open() const noexcept {
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    const slot* s = slots_.at(i);
    if (s && !s->open.looks_empty()) return true;
  }
  return false;
}

// Where threads are blocked outside, others may take parts of loops besides.
bool scheduler::sees_forks() const noexcept {
  // order: [relaxed: ordered by the asker's fence]
  if (outside_.load(std::memory_order_relaxed) > 0 && sees_open()) return true;
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
    if (!s) continue;
    if (!s->jobs.looks_empty()) return true;
    if (s->mark.is_idle() && s->forks && !s->forks->looks_empty()) return true;
  }
  return false;
}

// ---- guests -----------------------------------------------------------------------------------

slot* scheduler::lend_guest(bool counts) noexcept {
  slot* lent = slots_.take(slot::kind::guest);
  if (!lent) return nullptr;
  lent->counts = counts;
  note_home(*lent);
  if (counts) {
    crew_.one_more();
    lent->set_thread(this_thread_number());
  }
  if (!lent->forks->asked()) lent->forks->ask_for_good();  // all may have gone to sleep meanwhile
  return lent;
}

void scheduler::return_guest(slot& lent) noexcept {
  const bool counted = lent.counts;
  lent.set_thread(0);
  if (lent.mark.end_job()) goes_on(lent);
  slots_.give(lent);
  if (counted) crew_.guest_goes();
}

// ---- finding and running ----------------------------------------------------------------------

void scheduler::run_claimed(job& work, slot* me) noexcept {
  const kept_name name(work.where().name);
  if (me) me->run.add();  // before it runs: who has waited for the job finds it counted
  work.set_runner(me);
  if (me && me->cpu->log_) [[unlikely]] {
    run_logged(work, *me);
  } else {
    within inside(work.where());
    work.run();
  }
  work.set_runner(nullptr);
  if (!me) return;
  me->ended.add();
  ends_job(me, name.text());
}

// The job's name is kept first: it may be gone when the job has run.
FILCH_COLD void scheduler::run_logged(job& work, slot& me) noexcept {
  trace_event event{{}, "job", place_of(&me), std::chrono::steady_clock::now(), {}};
  try {
    event.name = work.where().name.empty() ? "job" : work.where().name;
  } catch (const std::bad_alloc&) {  // then it has none
  }
  {
    within inside(work.where());
    work.run();
  }
  event.end = std::chrono::steady_clock::now();
  me.cpu->log_->add(std::move(event));
}

bool scheduler::run_queued(slot& me, ref<job> work) noexcept {
  // Also if another thread has claimed the job: the end of its closure is the user's code.
  crew_.end_search(me.searching);
  if (!work->claim()) return true;
  run_claimed(*work, &me);
  return true;
}

void scheduler::note_home(slot& me) noexcept {
  if (place_.on.farthest() != 0) me.set_home(place_.on.home_of(current_cpu()));
}

bool scheduler::run_found(slot& me, slot& victim, bool& again) noexcept {
  if (fork_job* half = rob(me, victim)) {
    run_fork(me, *half, true);
    return true;
  }
  job* work = nullptr;
  const auto got = victim.jobs.steal(work);
  if (got == steal_result::taken) {
    me.stolen.add();
    return run_queued(me, ref<job>::adopt(work));
  }
  again = again || got == steal_result::lost;
  return false;
}

// Near ones first: what they made lies in a cache that this thread shares. But each second sweep
// takes all as they come, or work would spread from one place to the next too slowly. Measured
// choice, simulated on 64 workers and two sockets (bench/scale): an efficiency of 0.868 on uts T1
// and 0.852 on nqueens, 0.828 and 0.806 where all sweeps prefer near ones, 0.866 and 0.857 where
// none does, with half as many thefts from afar.
// A thread that moves meanwhile may be missed, so the last look before a sleep is not this one.
bool scheduler::run_stolen(slot& me) noexcept {
  for (bool again = true; again;) {
    again = false;
    const unsigned farthest = ++me.sweeps % 2 == 0 ? 0 : place_.on.farthest();
    const bool ran = nearest_first(
        slots_.size(), farthest, [&] { return me.random(); },
        [&](unsigned i) {
          const slot* victim = slots_.at(i);
          return victim ? distance(me.home(), victim->home()) : 0;
        },
        [&](unsigned i) {
          slot* victim = slots_.at(i);
          return victim && victim != &me && run_found(me, *victim, again);
        });
    if (ran) return true;
  }
  return false;
}

job* scheduler::oldest_own(slot& me) noexcept {
  job* work = nullptr;
  while (me.jobs.steal(work) == steal_result::lost) {
  }
  return work;
}

// The newest, but jobs that came from outside in the order in which they came.
job* scheduler::next_own(slot& me) noexcept {
  const auto size = me.jobs.size();
  if (size > me.injected) return me.jobs.pop();
  me.injected = size > 0 ? size - 1 : 0;
  return size > 0 ? oldest_own(me) : nullptr;
}

// Jobs from outside are taken some at a time, so that the queue's lock is rarely met; others can
// steal them. What was taken is nowhere for a moment: who looked just then is made to look again.
bool scheduler::run_injected(slot& me) noexcept {
  for (unsigned i = 0; i < me.linger; ++i) spin_pause();
  job* taken[injected_batch];
  // A stand-in is there because such jobs block: what it took along would wait for a thief.
  const std::size_t most = me.role() == slot::kind::spare ? 1 : injected_batch;
  const std::size_t n = injected_.pop_n(taken, most, 2);
  if (n == 0) {
    me.linger = 0;
    return false;
  }
  if (n <= 2) {
    me.linger = std::min(me.linger + 2, most_linger);
  } else if (n >= injected_batch / 2) {
    me.linger /= 2;
  }
  for (std::size_t i = 1; i < n; ++i) {
    try {
      me.jobs.push(taken[i]);
      ++me.injected;
    } catch (const std::bad_alloc&) {
      injected_.push(ref<job>::adopt(taken[i]));
    }
  }
  if (n > 1) crew_.wake(1);
  return run_queued(me, ref<job>::adopt(taken[0]));
}

bool scheduler::run_one(slot& me) noexcept {
  if (++me.looks % fairness == 0) {
    if (me.injected > 0) {
      --me.injected;
      if (job* work = oldest_own(me)) return run_queued(me, ref<job>::adopt(work));
    } else if (auto work = injected_.pop()) {
      return run_queued(me, std::move(work));
    }
  }
  if (job* work = next_own(me)) return run_queued(me, ref<job>::adopt(work));
  if (run_passed(me)) return true;
  return run_injected(me) || run_stolen(me) || run_open(me);
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

}  // namespace detail
}  // namespace v0
}  // namespace filch
