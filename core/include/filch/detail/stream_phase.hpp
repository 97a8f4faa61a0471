#pragma once

#include <atomic>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Who ends an element of a stream: whoever works on it, or the timers that make it late and leave
/// it behind. Each step is taken once, by one of them. It hands nothing over: what they share is
/// under the stream's lock, or told by the latch of the element.
/// Threads: any.
template <class Atomics = std_atomics>
class stream_phase {
 public:
  enum class phase : std::uint8_t { running, late, left, ended };

  /// Its time is up. True if it still ran, and is late from now on.
  bool make_late() noexcept { return change(phase::running, phase::late); }
  /// True if it was late and has not ended: the caller tells the consumer, and whoever works on the
  /// element keeps it.
  bool leave() noexcept { return change(phase::late, phase::left); }
  /// The work on it has ended. What it was until now; unless that is `left` the caller ends it.
  phase end() noexcept {
    if (change(phase::running, phase::ended)) return phase::running;
    if (change(phase::late, phase::ended)) return phase::late;
    return phase::left;
  }
  /// It will run once more. Requires: it ended, and nobody was told.
  void run_again() noexcept {
    // order: [relaxed: the queue hands the element over]
    word_.store(phase::running, std::memory_order_relaxed);
  }
  bool is_left() const noexcept {
    // order: [relaxed: the element's latch has told it, or it is a hint]
    return word_.load(std::memory_order_relaxed) == phase::left;
  }

 private:
  bool change(phase from, phase to) noexcept {
    // order: [relaxed: one word decides who ends it]
    return word_.compare_exchange_strong(from, to, std::memory_order_relaxed,
                                         std::memory_order_relaxed);
  }

  typename Atomics::template atomic<phase> word_{phase::running};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
