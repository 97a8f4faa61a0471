#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "sched/blocking_policy.hpp"
#include "sched/sampler.hpp"
#include "sched/sleep_word.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

class scheduler;
class thread_set;

/// Notices that workers are blocked in code that did not say so, and lets others stand in for
/// them. Its thread sleeps unless all workers are at work and there is more to do; the first such
/// moment starts it. README.md here, "Noticing".
/// Threads: any.
class monitor {
 public:
  monitor(scheduler& work, thread_set& threads) noexcept : work_(work), threads_(threads) {}
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;

  /// All workers are at work, and there may be more to do; the caller has crossed a fence since.
  /// Cost: a load while it looks already.
  void watch() noexcept {
    word_.watch([this] { begin(); });
  }
  /// The same for a caller that has crossed no fence.
  void fence_and_watch() noexcept {
    word_.fence_and_watch([this] { begin(); });
  }
  /// As `watch`, and a job was queued for which nobody is free: it looks soon.
  void watch_closely() noexcept {
    word_.watch_closely([this] { begin(); });
  }
  /// It counts nobody out or in any more, and its thread ends.
  void stop() noexcept;

  /// How often it has looked at threads, and found one blocked: in a lock, or elsewhere.
  struct counts {
    std::uint64_t looks, in_locks, elsewhere;
  };
  counts so_far() const noexcept { return {looks_.value(), in_locks_.value(), elsewhere_.value()}; }

 private:
  void begin() noexcept;
  void run() noexcept;
  void look_for_a_while(thread_states& states);
  bool look(thread_states& states, std::chrono::nanoseconds& pause);
  bool notice(slot& s) noexcept;
  bool fall_asleep() noexcept;
  bool pause_for(std::chrono::nanoseconds time) noexcept;

  scheduler& work_;
  thread_set& threads_;
  sleep_word<> word_;
  std::mutex starting_;
  bool has_thread_ = false;
  std::chrono::steady_clock::time_point next_try_{};

  // of its thread
  std::unique_ptr<sampler> sampler_;
  blocking_state state_;
  std::chrono::nanoseconds last_look_{0}, last_cpu_{0};
  std::chrono::steady_clock::time_point roused_{};
  tally looks_, in_locks_, elsewhere_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
