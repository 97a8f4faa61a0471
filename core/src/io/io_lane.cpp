#include "io/io_lane.hpp"

#include <algorithm>
#include <chrono>
#include <new>

#include <filch/detail/current.hpp>
#include <filch/detail/futex.hpp>

#include "sched/scheduler.hpp"
#include "sched/spares.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
constexpr auto keep_for = std::chrono::seconds(5);
}

ref<job> io_lane::push(ref<job> work) noexcept {
  if (budget_.most() == 0) return work;  // no thread of the lane will ever be there
  {
    std::lock_guard lock(lock_);
    if (budget_.take()) {
      if (hand_over(work, true)) return {};
      budget_.give();
      if (workers_.empty()) return work;
    }
    queue_.push(std::move(work));
  }
  if (budget_.exhausted()) cpu_.stand_ins().reclaim();
  return {};
}

bool io_lane::start_uncounted(ref<job>& work) noexcept {
  std::lock_guard lock(lock_);
  return hand_over(work, false);
}

bool io_lane::hand_over(ref<job>& work, bool counted) noexcept {
  if (idle_.empty()) return start_thread(work, counted);
  worker* called = idle_.back();
  idle_.pop_back();
  called->idle = false;
  called->counted = counted;
  called->work = std::move(work);
  // order: [relaxed: the lock hands over the job; the word only ends the sleep]
  called->called.store(1, std::memory_order_relaxed);
  futex_wake(&called->called, 1);
  return true;
}

bool io_lane::start_thread(ref<job>& work, bool counted) noexcept {
  try {
    idle_.reserve(workers_.size() + 1);
    auto fresh = std::make_shared<worker>(core_, cpu_, numbers_);
    workers_.push_back(fresh);
    fresh->work = work;
    fresh->counted = counted;
    fresh->thread = threads_.start([this, fresh] { run(fresh); }, "-io");
    if (fresh->thread) {
      ++started_;
      ++numbers_;
      work = {};
      return true;
    }
    fresh->work = {};
    workers_.pop_back();
  } catch (const std::bad_alloc&) {
    // no memory for a thread is no thread
  }
  return false;
}

void io_lane::run(worker_ptr me) noexcept {
  // An abandoned loser may outlive the pool; the core must outlive both.
  const auto keep = keep_alive_();
  current.home = &me->place;
  do {
    job* work = me->work.get();  // kept by `me`, for stop() to look at
    if (work->claim()) scheduler::run_claimed(*work, &me->place);
  } while (next_job(*me));
  current.home = nullptr;
}

bool io_lane::next_job(worker& me) noexcept {
  ref<job> finished;  // destroyed after the lock is given back
  std::lock_guard lock(lock_);
  finished = std::move(me.work);
  if (stopping_) return false;
  if (!me.counted) me.counted = budget_.take();
  if (me.counted) {
    while (auto next = queue_.pop()) {
      if (next->is_claimed()) continue;
      me.work = std::move(next);
      return true;
    }
    budget_.give();
    me.counted = false;
    cpu_.look_again();
  }
  return wait_for_call(me);
}

// Enters and leaves with the lock held, as the caller's guard expects.
bool io_lane::wait_for_call(worker& me) noexcept {
  // order: [relaxed: written under the lock]
  me.called.store(0, std::memory_order_relaxed);
  me.idle = true;
  idle_.push_back(&me);  // reserved when the thread was started
  const auto until = std::chrono::steady_clock::now() + keep_for;
  for (;;) {
    lock_.unlock();
    const bool in_time = futex_wait_until(me.called, 0, until);
    lock_.lock();
    if (me.work) return true;
    if (stopping_) return false;
    if (!in_time) break;
  }
  std::erase(idle_, &me);
  workers_.remove_if([&me](const worker_ptr& w) { return w.get() == &me; });
  return false;
}

void io_lane::budget_freed() noexcept {
  std::lock_guard lock(lock_);
  while (!queue_.looks_empty() && budget_.take()) {
    auto work = queue_.pop();
    if (!work || work->is_claimed() || !hand_over(work, true)) {
      budget_.give();
      if (work && !work->is_claimed()) {
        queue_.push(std::move(work));
        return;
      }
    }
  }
}

void io_lane::stop() noexcept {
  std::lock_guard lock(lock_);
  stopping_ = true;
  for (auto& w : workers_) {
    if (w->idle) {
      // order: [relaxed: the lock hands over the rest]
      w->called.store(1, std::memory_order_relaxed);
      futex_wake(&w->called, 1);
    } else if (w->work && w->work->may_outlive_pool()) {
      threads_.let_go(w->thread);
    }
  }
  idle_.clear();
}

unsigned io_lane::threads() const noexcept {
  std::lock_guard lock(lock_);
  return static_cast<unsigned>(workers_.size());
}

std::uint64_t io_lane::started() const noexcept {
  std::lock_guard lock(lock_);
  return started_;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
