#pragma once

#include <mutex>

#include <filch/detail/awaited.hpp>

#include "sched/slot.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// One thread asleep for something, on that thread's frame.
class waiter {
 public:
  explicit waiter(awaited& what) noexcept : what_(what) {}
  awaited& what() noexcept { return what_; }

  /// Set when this wait was chosen to be given up, to break a circle.
  bool doomed = false;
  waiter* next = nullptr;
  waiter* previous = nullptr;

 private:
  awaited& what_;
};

/// Who is asleep for what, over all pools of the process: finds circles of waits, and finds the
/// sleepers to wake when a pool without workers gets a job.
/// Threads: any. One mutex; only threads about to sleep and the rare wake-ups above take it.
class wait_registry {
 public:
  static wait_registry& instance() noexcept;

  /// Registers the calling thread as asleep for `w.what()`. False if that closes a circle which
  /// only this wait can break; true also when another wait of the circle was doomed instead.
  bool enter(waiter& w, slot* home) noexcept;
  void leave(waiter& w, slot* home) noexcept;
  /// Reads `doomed` under the lock.
  bool is_doomed(const waiter& w) noexcept;
  /// Makes every registered sleeper look again at what it waits for.
  void nudge_all() noexcept;

 private:
  waiter* find_victim(awaited& start, waiter& self, const slot* home, unsigned depth,
                      bool& circle) noexcept;

  std::mutex lock_;
  waiter* first_ = nullptr;
};

/// Throws `would_deadlock` on a thread that keeps promises (`promise_keeper`).
void must_not_wait_here();

}  // namespace detail
}  // namespace v0
}  // namespace filch
