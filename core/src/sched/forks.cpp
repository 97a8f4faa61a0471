#include <filch/detail/current.hpp>

#include "base/pause_for.hpp"
#include "sched/scheduler.hpp"
#include "sched/spares.hpp"

// The forks' side of the scheduler: how halves change hands.

namespace filch {
inline namespace v0 {
namespace detail {

void scheduler::answer(slot& me) noexcept {
  me.forks->answer(!has_heavy_fence());
  crew_.wake_for_forks();
}

void scheduler::pass_on(fork_job& half) noexcept {
  {
    std::lock_guard lock(passed_lock_);
    half.next_passed = passed_;
    passed_ = &half;
    // order: [relaxed: ordered by the fence in wake]
    any_passed_.store(true, std::memory_order_relaxed);
    half.owner->forks->set_thief(half.place, nullptr);
    // Its owner may run it; under the lock, while nobody else can have it.
    half.owner->forks->done(half.place).nudge();
  }
  crew_.wake(1);
}

bool scheduler::has_passed(const fork_job& half) noexcept {
  // order: [relaxed: ordered by the fence of who passes it on, in wake, and the waiter's own]
  if (!any_passed_.load(std::memory_order_relaxed)) return false;
  std::lock_guard lock(passed_lock_);
  const fork_job* at = passed_;
  while (at && at != &half) at = at->next_passed;
  return at != nullptr;
}

bool scheduler::take_passed(fork_job& half) noexcept {
  // order: [relaxed: a hint; a waiter that misses it sleeps, and a worker was woken for it]
  if (!any_passed_.load(std::memory_order_relaxed)) return false;
  std::lock_guard lock(passed_lock_);
  for (fork_job** at = &passed_; *at; at = &(*at)->next_passed) {
    if (*at != &half) continue;
    *at = half.next_passed;
    // order: [relaxed: written under the lock]
    any_passed_.store(passed_ != nullptr, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void scheduler::run_fork(slot& me, fork_job& half, bool then_search) noexcept {
  crew_.end_search(me.searching);
  run_half(half, me, then_search);
}

// A worker that will look for more says so before it says that the half is over: whoever has
// waited for the half then need not look after the work that may be left.
void scheduler::run_half(fork_job& half, slot& me, bool then_search) noexcept {
  slot& owner = *half.owner;
  const auto place = half.place;
  const bool ends_early = half.ends_early;
  owner.forks->set_thief(place, &me);
  me.run.add();
  {
    context here = *half.parent;
    here.parent = half.parent;
    if (!ends_early) here.what = &half;  // else the frame goes before this context
    within inside(here);
    half.run(half);
  }
  me.ended.add();
  ends_job(&me, {});
  if (then_search) me.cpu->crew_.begin_search(me.searching);
  if (ends_early) return;
  owner.forks->done(place).set();  // the frame may be gone from here on; the slot is the pool's
}

void end_early(fork_job& half) noexcept { half.owner->forks->done(half.place).set(); }

namespace {
/// How long an owner may leave a question unanswered before a thief takes by force, and how far
/// apart forced takes of one process are, in nanoseconds: a barrier costs 1 to 4 us here.
constexpr std::int64_t patience = 5'000;
constexpr std::int64_t force_gap = 5'000;
/// Measured choice: a loop of two empty bodies took 1030 ns with 1, 800 with 4, 780 with 16.
constexpr unsigned visits_a_look = 4;

std::int64_t ticks() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}
/// When the next barrier is due, for all pools of the process: each interrupts every core.
std::atomic<std::int64_t> next_force{0};
}  // namespace

// Called for a victim that has left a question standing since this thief's last visit. It does not
// look at each visit: the owner's line, where its forks are counted, would leave the owner's cache.
bool scheduler::keeps_silent(slot& me, slot& victim) noexcept {
  if (++me.visits % visits_a_look != 0) return false;
  const bool hidden = has_heavy_fence() && !victim.forks->looks_empty();
  if (!hidden) {
    if (me.watched == &victim) me.watched = nullptr;
    return false;
  }
  const auto now = ticks();
  if (!me.watched) {
    me.watched = &victim;
    me.watched_since = now;
  }
  return me.watched == &victim && now - me.watched_since >= patience;
}

// Asked last: it uses up the process' turn.
bool scheduler::may_force() noexcept {
  const auto now = ticks();
  // order: [relaxed: a point in time]
  auto due = next_force.load(std::memory_order_relaxed);
  // order: [relaxed: as above]
  return now >= due &&
         next_force.compare_exchange_strong(due, now + force_gap, std::memory_order_relaxed,
                                            std::memory_order_relaxed);
}

// What has just become public is left alone for a moment: most owners of short loops and forks are
// back by then, and would otherwise wait longer for the thief than they need for all of the work.
// Measured choice, where a line takes 130 ns to another core: a loop and a fork of two empty bodies
// took 514 and 332 ns without, 471 and 214 with 130 ns. Where it takes 55: two bodies that meet 670
// with 230 ns, 557 with 140, 525 with 90, all else the same.
bool scheduler::stays_public(const fork_deque& forks) noexcept {
  pause_for(std::chrono::nanoseconds(100));
  return forks.has_public();
}

fork_job* scheduler::rob(slot& me, slot& victim) noexcept {
  if (!victim.forks) return nullptr;  // an io thread that runs what a waiter waits for
  const bool has_public = victim.forks->has_public();
  if (has_public && !stays_public(*victim.forks)) return nullptr;
  const bool by_force = !has_public && victim.forks->asked();
  if (by_force && !keeps_silent(me, victim)) return nullptr;
  // Halves are left to owners that will get to them, once as many threads are at work as there are
  // workers.
  if (crew_.crowded(1) && !victim.mark.is_idle()) return nullptr;
  if (by_force && !may_force()) return nullptr;
  fork_job* half = nullptr;
  fork_deque::index place = 0;
  bool got = victim.forks->steal(half, place, &me);
  if (!got && !victim.forks->asked()) {
    if (me.watched == &victim) me.watched = nullptr;  // it has answered
    victim.forks->ask();
  } else if (!got && by_force) {
    me.watched = nullptr;
    got = victim.forks->force(half, place, &me);
    if (got) me.forced.add();
  }
  if (!got) return nullptr;
  me.stolen.add();
  half->owner = &victim;
  half->place = place;
  return half;
}

bool scheduler::run_passed(slot& me) noexcept {
  // order: [relaxed: a hint, or ordered by the sleeper's fence]
  if (!any_passed_.load(std::memory_order_relaxed)) return false;
  fork_job* half = nullptr;
  {
    std::lock_guard lock(passed_lock_);
    half = passed_;
    if (!half) return false;
    passed_ = half->next_passed;
    // order: [relaxed: written under the lock]
    any_passed_.store(passed_ != nullptr, std::memory_order_relaxed);
  }
  run_fork(me, *half, true);
  return true;
}

namespace {
/// Whether a context is a part of `what`, itself included. Every context on the way belongs to
/// something that cannot end before the job we hold, so the walk is safe.
bool is_below(const context* ctx, const void* what) noexcept {
  for (; ctx; ctx = ctx->parent) {
    if (ctx->what == what) return true;
  }
  return false;
}
}  // namespace

bool scheduler::run_one_below(slot& me, slot& victim, const void* what, bool& give_up) noexcept {
  if (fork_job* half = rob(me, victim)) {
    if (is_below(half->parent, what)) {
      run_fork(me, *half, false);
      return true;
    }
    pass_on(*half);
    give_up = true;
    return false;
  }
  job* raw = nullptr;
  if (victim.jobs.steal(raw) == steal_result::taken) {
    auto work = ref<job>::adopt(raw);
    // The chain may be walked only by who keeps the job from ending.
    if (!work->begin_look()) return true;
    me.stolen.add();
    const bool ours = is_below(&work->where(), what);
    work->end_look(ours);
    if (ours) {
      run_claimed(*work, &me);
      return true;
    }
    injected_.push(std::move(work));
    crew_.wake(1);
    give_up = true;
  }
  return false;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
