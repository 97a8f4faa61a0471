#include "sched/spares.hpp"

#include <algorithm>
#include <chrono>

#include <filch/detail/futex.hpp>

#include "sched/scheduler.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
constexpr auto keep_for = std::chrono::seconds(5);
}

spares::spares(scheduler& work, thread_budget& budget, thread_set& threads,
               std::function<void()> freed) noexcept
    : work_(work), budget_(budget), threads_(threads), freed_(std::move(freed)) {}

void spares::worker_blocks() noexcept {
  {
    std::lock_guard lock(lock_);
    // order: [relaxed: written under the lock; the fence below orders it with a pusher's look]
    deficit_.fetch_add(1, std::memory_order_relaxed);
  }
  work_.worker_blocks();  // either a pusher sees that a spare is wanted, or we see its job
}

void spares::worker_returns() noexcept {
  work_.thread_returns();
  {
    std::lock_guard lock(lock_);
    // order: [relaxed: written under the lock]
    deficit_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (budget_.exhausted()) reclaim();
}

unsigned spares::allow_more(unsigned n) noexcept {
  std::lock_guard lock(lock_);
  const int change = static_cast<int>(n) - static_cast<int>(allowed_);
  allowed_ = n;
  // order: [relaxed: written under the lock; who allows more looks for work afterwards]
  const int deficit = deficit_.fetch_add(change, std::memory_order_relaxed) + change;
  return static_cast<unsigned>(std::max(deficit, 0));
}

void spares::reclaim() noexcept {
  if (surplus()) work_.wake_sleepers();
}

bool spares::activate() noexcept {
  const found how = try_activate();
  // Whoever asked for a thread while we held one in vain must be told, without our lock.
  if (how == found::no_thread) freed_();
  return how == found::one || how == found::no_need;
}

spares::found spares::try_activate() noexcept {
  std::lock_guard lock(lock_);
  if (stopping_ || !wanted()) return found::no_need;
  if (!budget_.take()) return found::no_budget;
  // order: [relaxed: written under the lock]
  deficit_.fetch_sub(1, std::memory_order_relaxed);
  if (!resting_.empty()) {
    auto* called = resting_.back();
    resting_.pop_back();
    called->listed = false;
    // order: [relaxed: the lock hands over the rest]
    called->called.store(1, std::memory_order_relaxed);
    futex_wake(&called->called, 1);
    return found::one;
  }
  if (threads_.start([this] { run(); }, "-spare")) {
    // order: [relaxed: a statistic]
    started_.fetch_add(1, std::memory_order_relaxed);
    return found::one;
  }
  // order: [relaxed: written under the lock]
  deficit_.fetch_add(1, std::memory_order_relaxed);
  budget_.give();
  return found::no_thread;
}

void spares::run() noexcept {
  slot* me = work_.slots().take(slot::kind::spare);
  if (me) {
    idle_spare place;
    do {
      work_.work_as_spare(*me, [this] { return step_down(); });
    } while (rest(place));
    work_.slots().give(*me);
    return;
  }
  // Every slot is in use: as good as no thread.
  {
    std::lock_guard lock(lock_);
    // order: [relaxed: written under the lock]
    deficit_.fetch_add(1, std::memory_order_relaxed);
    budget_.give();
  }
  freed_();
}

bool spares::step_down() noexcept {
  {
    std::lock_guard lock(lock_);
    // order: [relaxed: written under the lock]
    if (deficit_.load(std::memory_order_relaxed) >= 0 && !stopping_) return false;
    // order: [relaxed: written under the lock]
    deficit_.fetch_add(1, std::memory_order_relaxed);
    budget_.give();
  }
  freed_();
  return true;
}

bool spares::rest(idle_spare& me) noexcept {
  // This thread may have been woken for a job it did not take: others must look for it.
  work_.look_again();
  {
    std::lock_guard lock(lock_);
    if (stopping_) return false;
    // order: [relaxed: set again under the lock]
    me.called.store(0, std::memory_order_relaxed);
    try {
      resting_.push_back(&me);
    } catch (...) {
      return false;
    }
    me.listed = true;
  }
  const auto until = std::chrono::steady_clock::now() + keep_for;
  // order: [relaxed: the lock below synchronises with the caller]
  while (me.called.load(std::memory_order_relaxed) == 0) {
    if (futex_wait_until(me.called, 0, until)) continue;
    std::lock_guard lock(lock_);
    if (!me.listed) break;  // called at the last moment
    std::erase(resting_, &me);
    return false;
  }
  std::lock_guard lock(lock_);
  return !stopping_;
}

void spares::stop() noexcept {
  std::lock_guard lock(lock_);
  stopping_ = true;
  for (auto* s : resting_) {
    s->listed = false;
    // order: [relaxed: the lock hands over the rest]
    s->called.store(1, std::memory_order_relaxed);
    futex_wake(&s->called, 1);
  }
  resting_.clear();
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
