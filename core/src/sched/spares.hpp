#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/thread_set.hpp"
#include "sched/budget.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

class scheduler;

/// Threads that stand in for workers which sleep inside a job. For each blocked worker one spare
/// may work while there is something to do; when the worker comes back, the first spare to reach
/// the end of a job steps down, is kept for five seconds, and then ends.
/// Threads: any. A mutex: blocking is slow anyway. `wanted` is read without it by every push.
class spares {
 public:
  spares(scheduler& work, thread_budget& budget, thread_set& threads,
         std::function<void()> freed) noexcept;

  /// A worker goes to sleep inside a job / is back.
  void worker_blocks() noexcept;
  void worker_returns() noexcept;
  /// So many may work besides those that stand in for blocked workers. Returns how many are wanted
  /// now.
  unsigned allow_more(unsigned n) noexcept;

  /// True if fewer spares work than should. Ordered by the caller's fence.
  bool wanted() const noexcept {
    // order: [relaxed: the pusher's and the blocker's fences order it, see README.md]
    const auto deficit = deficit_.load(std::memory_order_relaxed);
    return deficit > 0;
  }
  /// True if more spares work than should. Ordered as `wanted`.
  bool surplus() const noexcept {
    // order: [relaxed: as in wanted]
    return deficit_.load(std::memory_order_relaxed) < 0;
  }
  /// Somebody needs a thread of the budget: a spare that is not needed must not sleep on it.
  void reclaim() noexcept;
  /// Puts one to work if one is wanted. False if one is, and none can be had.
  bool activate() noexcept;
  void stop() noexcept;
  std::uint64_t started() const noexcept {
    // order: [relaxed: a statistic]
    return started_.load(std::memory_order_relaxed);
  }

 private:
  struct idle_spare {
    std::atomic<std::uint32_t> called{0};
    bool listed = false;
  };

  void run() noexcept;
  enum class found : std::uint8_t { one, no_need, no_budget, no_thread };
  found try_activate() noexcept;
  bool step_down() noexcept;
  bool rest(idle_spare& me) noexcept;

  scheduler& work_;
  thread_budget& budget_;
  thread_set& threads_;
  const std::function<void()> freed_;
  std::mutex lock_;
  std::vector<idle_spare*> resting_;
  // Blocked workers, and what is allowed besides, minus working spares; written under the lock.
  std::atomic<int> deficit_{0};
  unsigned allowed_ = 0;
  std::atomic<std::uint64_t> started_{0};
  bool stopping_ = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
