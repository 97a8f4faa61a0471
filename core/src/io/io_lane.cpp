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

/// Jobs that were claimed elsewhere, on their way out of the queue. Made before the lock is taken,
/// so that they are destroyed after it is given back: the end of a closure may call the lane.
class discarded {
 public:
  discarded() noexcept = default;
  discarded(const discarded&) = delete;
  discarded& operator=(const discarded&) = delete;
  ~discarded() {
    while (jobs_.pop()) {
    }
  }
  void add(ref<job> work) noexcept { jobs_.push(std::move(work)); }
  bool any() const noexcept { return !jobs_.looks_empty(); }

 private:
  injection_queue jobs_;
};

/// The oldest job that somebody still has to run, or empty.
ref<job> next_of(injection_queue& queue, discarded& claimed) noexcept {
  while (auto work = queue.pop()) {
    if (!work->is_claimed()) return work;
    claimed.add(std::move(work));
  }
  return {};
}

}  // namespace

ref<job> io_lane::push(ref<job> work) noexcept {
  if (budget_.most() == 0) return work;  // no thread of the lane will ever be there
  {
    std::lock_guard lock(lock_);
    if (stopping_) return {};  // claimed, or the pool would not end: a timer was late
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
  worker_ptr fresh;
  try {
    idle_.reserve(workers_.size() + 1);
    fresh = std::make_shared<worker>(core_, cpu_, numbers_);
    workers_.push_back(fresh);
    fresh->work = work;
    fresh->counted = counted;
    // An abandoned loser may outlive the pool; the core must outlive both. Held from here on: the
    // pool may end before the thread's first line.
    fresh->thread = threads_.start([this, fresh, keep = keep_alive_()] { run(fresh); }, "-io");
    if (fresh->thread) {
      ++started_;
      ++numbers_;
      work = {};
      return true;
    }
  } catch (const std::bad_alloc&) {
    // no memory for a thread is no thread
  }
  if (fresh) {
    fresh->work = {};
    workers_.remove(fresh);
  }
  return false;
}

void io_lane::run(worker_ptr me) noexcept {
  current.home = &me->place;
  do {
    job* work = me->work.get();  // kept by `me`, for stop() to look at
    me->place.counts = me->counted;
    if (work->claim()) scheduler::run_claimed(*work, &me->place);
  } while (next_job(*me));
  current.home = nullptr;
}

bool io_lane::next_job(worker& me) noexcept {
  cpu_.stay_if_frozen();
  // Nothing of a job is destroyed under the lock, nor once this thread can be called: whatever the
  // end of a closure waits for may need the lane.
  ref<job> finished;
  {
    std::lock_guard lock(lock_);
    finished = std::move(me.work);
  }
  finished = {};
  bool gave_back = false;
  for (bool listed = false; !listed;) {
    discarded claimed;
    std::lock_guard lock(lock_);
    if (stopping_) return false;
    if (!me.counted) me.counted = budget_.take();
    if (me.counted) {
      me.work = next_of(queue_, claimed);
      if (me.work) return true;
      if (claimed.any()) continue;
      budget_.give();
      me.counted = false;
      gave_back = true;
    }
    // order: [relaxed: written under the lock]
    me.called.store(0, std::memory_order_relaxed);
    me.idle = true;
    idle_.push_back(&me);  // reserved when the thread was started
    listed = true;
  }
  if (gave_back) cpu_.look_again();  // a spare may have been wanted in vain
  return wait_for_call(me);
}

bool io_lane::wait_for_call(worker& me) noexcept {
  const auto until = std::chrono::steady_clock::now() + keep_for;
  for (;;) {
    const bool in_time = futex_wait_until(me.called, 0, until);
    std::lock_guard lock(lock_);
    if (me.work) return true;
    if (stopping_) return false;
    if (in_time) continue;
    std::erase(idle_, &me);
    workers_.remove_if([&me](const worker_ptr& w) { return w.get() == &me; });
    return false;
  }
}

void io_lane::budget_freed() noexcept {
  injection_queue homeless;
  {
    discarded claimed;
    std::lock_guard lock(lock_);
    while (!queue_.looks_empty() && budget_.take()) {
      auto work = next_of(queue_, claimed);
      if (work && hand_over(work, true)) continue;
      budget_.give();
      if (!work) break;
      if (!workers_.empty()) {  // one of them takes it when it has ended its job
        queue_.push(std::move(work));
        break;
      }
      homeless.push(std::move(work));
    }
  }
  while (auto work = homeless.pop()) cpu_.push(std::move(work));
}

void io_lane::leave_to(const job& work) noexcept {
  {
    std::lock_guard lock(lock_);
    const auto at = std::find_if(workers_.begin(), workers_.end(), [&](const worker_ptr& w) {
      return w->work.get() == &work && w->counted;
    });
    if (at == workers_.end()) return;
    (*at)->counted = false;
    budget_.give();
  }
  budget_freed();
  cpu_.look_again();  // a spare may have been wanted in vain
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
