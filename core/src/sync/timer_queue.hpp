#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/thread_set.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// Runs short actions at given times on one thread, which is started by the first timer and
/// sleeps until the next one is due. Times are of the steady clock: a jump of the wall clock
/// changes nothing. Threads: any.
class timer_queue {
 public:
  using clock = std::chrono::steady_clock;

  /// `greet` is called on the thread before its first timer.
  timer_queue(thread_set& threads, std::function<void()> greet)
      : threads_(threads), greet_(std::move(greet)) {}

  /// Throws: `no_thread` if the timer thread cannot be started, `bad_alloc`.
  std::uint64_t add(clock::time_point when, std::function<void()> action);
  /// True if the action was removed and will not run.
  bool cancel(std::uint64_t id) noexcept;
  /// Ends the thread; timers still set are dropped without running.
  void stop() noexcept;

 private:
  struct due {
    std::uint64_t id;
    std::function<void()> action;
  };
  using by_time = std::multimap<clock::time_point, due>;

  void run() noexcept;

  thread_set& threads_;
  const std::function<void()> greet_;
  std::mutex lock_;
  by_time timers_;
  std::unordered_map<std::uint64_t, by_time::iterator> by_id_;
  std::uint64_t last_id_ = 0;
  bool running_ = false;
  bool stopping_ = false;
  std::atomic<std::uint32_t> changes_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
