#include "sched/waits.hpp"

#include <type_traits>

#include <filch/detail/current.hpp>
#include <filch/error.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// A chain of waits has at most as many links as there are sleeping threads; longer ones are not
/// searched.
constexpr unsigned deepest = 4096;

bool serves(const slot* home, const slot* other) noexcept {
  for (; home; home = home->outer) {
    if (home == other) return true;
  }
  return false;
}

}  // namespace

wait_registry& wait_registry::instance() noexcept {
  // Its end does nothing, so threads may still wait while static objects end; and no wait needs
  // memory, not even the first.
  static_assert(std::is_trivially_destructible_v<wait_registry>);
  static constinit wait_registry registry;
  return registry;
}

bool wait_registry::enter(waiter& w, slot* home) noexcept {
  std::lock_guard lock(lock_);
  w.next = first_;
  if (first_) first_->previous = &w;
  first_ = &w;
  for (slot* s = home; s; s = s->outer) s->waiting = &w;

  bool circle = false;
  waiter* victim = home ? find_victim(w.what(), w, home, 0, circle) : nullptr;
  if (!circle) return true;
  if (!w.what().structured()) return false;
  if (victim) {
    victim->doomed = true;
    victim->what().done().nudge();
  }
  return true;
}

void wait_registry::leave(waiter& w, slot* home) noexcept {
  std::lock_guard lock(lock_);
  (w.previous ? w.previous->next : first_) = w.next;
  if (w.next) w.next->previous = w.previous;
  // A thread waits for one thing at a time, so all its slots are awake now.
  for (slot* s = home; s; s = s->outer) s->waiting = nullptr;
}

bool wait_registry::is_doomed(const waiter& w) noexcept {
  std::lock_guard lock(lock_);
  return w.doomed;
}

void wait_registry::nudge_all() noexcept {
  std::lock_guard lock(lock_);
  for (waiter* w = first_; w; w = w->next) w->what().done().nudge();
}

// Follows "waits for a job that runs on a thread that waits for ..." from `start`. A circle closes
// where the chain reaches the calling thread; every wait on it is real, because sleepers register
// under this lock and a thread forgets a job's runner before it can sleep again.
waiter* wait_registry::find_victim(awaited& start, waiter& self, const slot* home, unsigned depth,
                                   bool& circle) noexcept {
  if (depth > deepest || start.done().is_set()) return nullptr;
  for (std::size_t i = 0; const slot* runner = start.runner(i); ++i) {
    if (serves(home, runner)) {
      circle = true;
      return nullptr;
    }
    waiter* sleeper = runner->waiting;
    if (!sleeper || sleeper == &self || sleeper->doomed) continue;
    waiter* deeper = find_victim(sleeper->what(), self, home, depth + 1, circle);
    if (!circle) continue;
    if (deeper) return deeper;
    return sleeper->what().structured() ? nullptr : sleeper;
  }
  return nullptr;
}

void must_not_wait_here() {
  if (!current.keeps_promises) return;
  throw would_deadlock(
      "filch: a callback on a thread that keeps promises (http's, an event loop's) must not wait "
      "for a result: it keeps all others from coming. Use then(), whose function is a job");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
