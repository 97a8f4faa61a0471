#include "sync/timer_queue.hpp"

#include <filch/detail/futex.hpp>
#include <filch/error.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

std::uint64_t timer_queue::add(clock::time_point when, std::function<void()> action) {
  std::lock_guard lock(lock_);
  if (stopping_) return ++last_id_;  // dropped without running, as those that were set
  if (!running_) {
    if (!threads_.start([this] { run(); }, "-timer")) {
      throw no_thread(
          "filch: the thread that keeps time could not be started; free some threads of this "
          "process or raise its limit (ulimit -u, pids.max)");
    }
    running_ = true;
  }
  const auto id = ++last_id_;
  const auto at = timers_.emplace(when, due{id, std::move(action)});
  try {
    by_id_.emplace(id, at);
  } catch (...) {
    timers_.erase(at);
    throw;
  }
  if (at == timers_.begin()) {
    // order: [relaxed: the lock orders the timers; the word only ends the sleep]
    changes_.fetch_add(1, std::memory_order_relaxed);
    futex_wake(&changes_, 1);
  }
  return id;
}

bool timer_queue::cancel(std::uint64_t id) noexcept {
  due dropped{};  // declared first: its action is destroyed after the lock is given back
  std::lock_guard lock(lock_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  dropped = std::move(found->second->second);
  timers_.erase(found->second);
  by_id_.erase(found);
  return true;
}

void timer_queue::stop() noexcept {
  by_time dropped;
  {
    std::lock_guard lock(lock_);
    stopping_ = true;
    by_id_.clear();
    dropped.swap(timers_);
  }
  // order: [relaxed: as in add]
  changes_.fetch_add(1, std::memory_order_relaxed);
  futex_wake(&changes_, 1);
}

void timer_queue::run() noexcept {
  greet_();
  for (;;) {
    std::function<void()> action;
    auto next = clock::time_point::max();
    // order: [relaxed: read before the timers, so a later change ends the sleep at once]
    const auto seen = changes_.load(std::memory_order_relaxed);
    {
      std::lock_guard lock(lock_);
      if (stopping_) return;
      if (!timers_.empty()) {
        const auto first = timers_.begin();
        next = first->first;
        if (next <= clock::now()) {
          action = std::move(first->second.action);
          by_id_.erase(first->second.id);
          timers_.erase(first);
        }
      }
    }
    if (action) {
      action();
    } else if (next == clock::time_point::max()) {
      futex_wait(changes_, seen);
    } else {
      futex_wait_until(changes_, seen, next);
    }
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
