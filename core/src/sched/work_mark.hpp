#pragma once

#include <atomic>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Whether the thread of a slot gets on with its job. The thread itself says when it waits in the
/// library; a monitor may notice from outside that it is blocked in code that said nothing.
/// Whoever changes the mark from or to `at_work` counts the thread out or in, so it is counted once
/// whoever came first. Needs `has_heavy_fence()`. README.md here tells the protocol ("Noticing").
template <class Atomics = std_atomics>
class work_mark {
 public:
  /// True while the thread does nothing: its forks are left to thieves.
  bool is_idle() const noexcept {
    // order: [relaxed: who counts the thread out crosses a fence and looks for thieves]
    return word_.load(std::memory_order_relaxed) != state::at_work;
  }

  // ---- the thread's own side ----

  /// It begins to wait. True if it counted as at work: the caller counts it out.
  bool begin_wait() noexcept {
    // order: [relaxed: one word decides who counts]
    return word_.exchange(state::waits, std::memory_order_relaxed) == state::at_work;
  }
  /// It goes on. Requires: it waited; the caller has counted it in.
  void end_wait() noexcept {
    // order: [relaxed: nobody else changes the mark of one that waits]
    word_.store(state::at_work, std::memory_order_relaxed);
  }
  /// It has ended a job, and said so where a monitor reads it. True if it had been noticed: the
  /// caller counts it in. Cost: a load.
  bool end_job() noexcept {
    // order: either we see the notice, or the monitor sees, behind its barrier, that the job is
    // over [pair:NOTICE]
    Atomics::light_fence();
    // order: [relaxed: ordered by the fence above]
    return word_.load(std::memory_order_relaxed) == state::noticed && retract();
  }

  // ---- the monitor's side ----

  bool is_noticed() const noexcept {
    // order: [relaxed: a hint]
    return word_.load(std::memory_order_relaxed) == state::noticed;
  }
  bool waits() const noexcept {
    // order: [relaxed: a hint]
    return word_.load(std::memory_order_relaxed) == state::waits;
  }
  /// The thread seems blocked in its job. True if the caller must count it out: `still_there` says
  /// that the job has not ended meanwhile, or the thread has taken the notice back, and counted
  /// itself in, already.
  template <class StillThere>
  bool notice(StillThere still_there) noexcept {
    if (!change(state::at_work, state::noticed)) return false;
    // order: either the thread sees the notice when it ends the job, or we see that it has ended it
    // [pair:NOTICE]
    Atomics::heavy_fence();
    return still_there() || !retract();
  }
  /// It is not blocked any more, or never was. True if the notice stood.
  bool retract() noexcept { return change(state::noticed, state::at_work); }

 private:
  enum class state : std::uint8_t { at_work, noticed, waits };

  bool change(state from, state to) noexcept {
    // order: [relaxed: one word decides who counts]
    return word_.compare_exchange_strong(from, to, std::memory_order_relaxed,
                                         std::memory_order_relaxed);
  }

  typename Atomics::template atomic<state> word_{state::at_work};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
