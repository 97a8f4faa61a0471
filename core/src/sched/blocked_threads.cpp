#include <algorithm>
#include <string>

#include <filch/detail/current.hpp>

#include "base/warn.hpp"
#include "sched/scheduler.hpp"
#include "sched/spares.hpp"

// The scheduler's side of threads that are blocked: who counts, who may do what meanwhile.

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
/// A pool in which jobs were found blocked this often says so, once.
constexpr std::uint64_t blocked_often = 256;
}  // namespace

void scheduler::count_out(slot& s) noexcept {
  if (s.role() == slot::kind::guest) return crew_.guest_rests();
  spares_->worker_blocks();
}

void scheduler::count_in(slot& s) noexcept {
  if (s.role() == slot::kind::guest) return crew_.one_more();
  spares_->worker_returns();
  // Which sees to it that none stays for long; the count of them crosses no fence.
  if (spares_->surplus() && blocking_.notice) monitor_.fence_and_watch();
}

void scheduler::is_blocked(slot& s) noexcept {
  // order: [relaxed: ordered by the fence of who is counted out]
  outside_.fetch_add(1, std::memory_order_relaxed);
  count_out(s);
}

void scheduler::goes_on(slot& s) noexcept {
  // order: [relaxed: as above]
  outside_.fetch_sub(1, std::memory_order_relaxed);
  count_in(s);
}

namespace {
/// Whether the thread is counted here: not if it is an io thread, or counts further out already.
bool counts(const slot& s) noexcept {
  return s.role() != slot::kind::io && (s.role() != slot::kind::guest || s.counts);
}
}  // namespace

void scheduler::begins_wait(slot& s, bool outside) noexcept {
  const bool at_work = s.mark.begin_wait();
  if (!counts(s)) return;
  s.waits_outside = outside;
  // One that was noticed counts among those outside already.
  const int change = (outside ? 1 : 0) - (at_work ? 0 : 1);
  // order: [relaxed: as in is_blocked]
  if (change != 0) outside_.fetch_add(change, std::memory_order_relaxed);
  if (at_work) count_out(s);
}

void scheduler::ends_wait(slot& s) noexcept {
  if (counts(s)) {
    // order: [relaxed: as in is_blocked]
    if (s.waits_outside) outside_.fetch_sub(1, std::memory_order_relaxed);
    count_in(s);
  }
  s.mark.end_wait();
}

FILCH_COLD void scheduler::was_noticed(slot& me, std::string_view name) noexcept {
  goes_on(me);
  const auto seen = monitor_.so_far();
  if (!blocking_.warn || seen.in_locks + seen.elsewhere < blocked_often) return;
  // order: [relaxed: it picks one thread]
  if (warned_.test_and_set(std::memory_order_relaxed)) return;
  try {
    std::string text = "pool \"" + std::string(blocking_.pool_name) +
                       "\": jobs have blocked workers " +
                       std::to_string(seen.in_locks + seen.elsewhere) + " times, " +
                       std::to_string(seen.in_locks) + " of them in locks; the last one was ";
    text += name.empty() ? "a job without a name" : "\"" + std::string(name) + "\"";
    text +=
        ". Others stood in for them, after a millisecond each; lane::io or filch::blocking "
        "spare you that (and pool_options::warn_blocking = false this line)";
    warn(text);
  } catch (const std::bad_alloc&) {  // then it is not said
  }
}

std::size_t scheduler::jobs_waiting() const noexcept {
  std::size_t jobs = injected_.size();
  for (unsigned i = 0, n = slots_.size(); i < n; ++i) {
    const slot* s = slots_.at(i);
    if (s) jobs += static_cast<std::size_t>(std::max<std::int64_t>(s->jobs.size(), 0));
  }
  return jobs;
}

bool scheduler::has_backlog() const noexcept {
  if (!crew_.crowded() && !spares_->wanted()) return false;
  return sees_queued() || sees_forks() || sees_open();
}

bool scheduler::is_held_up() const noexcept {
  if (crew_.has_work()) return crew_.crowded();
  // order: either who leaves a part open sees that nobody looks any more, or we see the part
  // [pair:OPEN-WATCH]
  heavy_fence();
  return sees_open() && crew_.crowded();
}

void scheduler::allow_more(unsigned n) noexcept {
  crew_.allow_more(n);
  const std::size_t wanted = spares_->allow_more(n);
  if (wanted == 0) return;
  // Halves of forks may have halves of their own, and so on: any number of threads may help.
  crew_.wake(sees_forks() ? wanted : std::min(wanted, jobs_waiting()));
}

// The last place to look at: a visit costs a barrier, and the loops' own threads come first.
bool scheduler::run_open(slot& me) noexcept {
  // order: [relaxed: a hint, or ordered by the sleeper's fence]
  if (outside_.load(std::memory_order_relaxed) <= 0 || !has_heavy_fence()) return false;
  for (unsigned k = 0, n = slots_.size(), first = me.random() % n; k < n; ++k) {
    slot* s = slots_.at((first + k) % n);
    if (!s || s == &me || s->open.looks_empty()) continue;
    open_part* taken = nullptr;
    const bool joins = s->open.visit([&](open_part& part) {
      if (part.joiner || !part.admit(part)) return false;
      part.joiner = &me;
      taken = &part;
      return true;
    });
    if (!joins) continue;
    run_extra_part(me, *taken);
    return true;
  }
  return false;
}

void scheduler::run_extra_part(slot& me, open_part& part) noexcept {
  crew_.end_search(me.searching);
  me.run.add();
  {
    context here = *part.parent;
    here.parent = part.parent;
    here.what = &part;
    within inside(here);
    part.join(part);
  }
  me.ended.add();
  ends_job(&me, {});
  crew_.begin_search(me.searching);
  part.left.set();  // the frame may be gone from here on
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
