#pragma once

#include <atomic>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// The word on which one thread sleeps that looks at what others do, while there may be something
/// to see. Who makes work sees that nobody looks, or the last look sees the work; and a stop is
/// never overwritten. README.md here, "Noticing".
/// Threads: the looker's side belongs to one; else any.
template <class Atomics = std_atomics>
class sleep_word {
 public:
  // ---- who makes work

  /// There may be something to see: calls `begin` if nobody looks. Requires: a fence since it was
  /// there. Cost: a load.
  template <class Begin>
  void watch(Begin begin) noexcept {
    // order: ordered by the caller's fence: either it is seen that nobody looks, or the last look
    // sees what there is to do [pair:SLEEP]
    if (word_.load(std::memory_order_relaxed) == asleep) begin();
  }
  /// The same; and if it dozes it looks at once.
  template <class Begin>
  void watch_closely(Begin begin) noexcept {
    // order: as in watch [pair:SLEEP]
    const auto seen = word_.load(std::memory_order_relaxed);
    if (seen == asleep) begin();
    if (seen == dozing) rouse();
  }
  /// As `watch`, for a caller that has crossed no fence.
  template <class Begin>
  void fence_and_watch(Begin begin) noexcept {
    // order: as in watch [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    watch(begin);
  }

  /// It is to look, and sees then what the caller did before. True if nobody looked: the caller has
  /// to wake it, or to start it, or to call it off.
  bool begin() noexcept {
    std::uint32_t seen = asleep;
    // order: what there is to do is seen by the looks that follow [pair:MONITOR]
    return word_.compare_exchange_strong(seen, looking, std::memory_order_release,
                                         std::memory_order_relaxed);
  }
  void wake() noexcept { Atomics::wake(&word_, 1); }
  /// There is no thread that could look: the next one to ask begins again. Requires: it was not
  /// started, and nobody stops it now.
  void call_off() noexcept {
    // order: [relaxed: nothing was done, and nobody else changes the word just now]
    word_.store(asleep, std::memory_order_relaxed);
  }
  /// It ends, wherever it sleeps.
  void stop() noexcept {
    // order: [relaxed: it learns nothing but that it ends]
    word_.store(stopping, std::memory_order_relaxed);
    wake();
  }
  bool is_stopping() const noexcept {
    // order: [relaxed: as above]
    return word_.load(std::memory_order_relaxed) == stopping;
  }

  // ---- who looks

  /// Blocks: while there is nothing to see. False: it is to end.
  bool await_begin() noexcept {
    for (;;) {
      // order: what there is to do is seen by the looks that follow [pair:MONITOR]
      const auto seen = word_.load(std::memory_order_acquire);
      if (seen != asleep) return seen != stopping;
      Atomics::wait(word_, asleep);
    }
  }

  enum class pause_end { in_time, roused, stopped };
  /// Between two looks. `sleep` gets the word and what it is to hold, and says false when the time
  /// is up. Who dozes may be roused, and sees then what its rouser did before.
  template <class Sleep>
  pause_end pause(bool dozes, Sleep sleep) noexcept {
    std::uint32_t seen = looking;
    // order: [relaxed: nothing was done]
    dozes = dozes && word_.compare_exchange_strong(seen, dozing, std::memory_order_relaxed,
                                                   std::memory_order_relaxed);
    const std::uint32_t mine = dozes ? dozing : looking;
    do {
      // order: as its rouser left things [pair:MONITOR]
      seen = word_.load(std::memory_order_acquire);
    } while (seen == mine && sleep(word_, mine));
    // order: if it was roused at the last moment: as above [pair:MONITOR]; success needs none, but
    // gcc 12 wants it to be no weaker than failure
    if (seen == dozing && word_.compare_exchange_strong(seen, looking, std::memory_order_acquire,
                                                        std::memory_order_acquire)) {
      return pause_end::in_time;
    }
    if (seen == stopping) return pause_end::stopped;
    return dozes ? pause_end::roused : pause_end::in_time;
  }

  /// Nothing was to be seen for a while. `is_needed` is the last look. False if there was something
  /// after all; else it awaits its next begin.
  template <class Look>
  bool fall_asleep(Look is_needed) noexcept {
    std::uint32_t seen = looking;
    // order: [relaxed: ordered by the fence below]
    if (!word_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
      return false;
    }
    // order: either who makes work sees that nobody looks, or the last look sees it [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    if (!is_needed()) return true;
    seen = asleep;
    // order: [relaxed: if somebody has begun, or stops it, that is seen by await_begin]
    return !word_.compare_exchange_strong(seen, looking, std::memory_order_relaxed,
                                          std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint32_t asleep = 0, looking = 1, stopping = 2, dozing = 3;

  void rouse() noexcept {
    std::uint32_t seen = dozing;
    // order: ordered by the caller's fence: the look that follows sees what there is [pair:MONITOR]
    if (word_.compare_exchange_strong(seen, looking, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
      wake();
    }
  }

  typename Atomics::template atomic<std::uint32_t> word_{asleep};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
