#pragma once

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Where threads sleep until something they look for may have appeared.
///
/// A sleeper: `announce()`; looks at every queue once more; then `sleep()` or `withdraw()`. A
/// producer: makes the thing visible; crosses a fence; then `call(n)`. Either the producer sees the
/// announcement, or the sleeper's second look sees the thing: each side writes, crosses a
/// sequentially consistent fence, and reads what the other wrote. Nothing here times out.
///
/// Who calls takes a sleeper off the count at once, so that nobody else calls the same one while it
/// gets up, and so that the caller knows how many will: it can rely on them from then on.
/// Source: the event counts of Reed and Kanodia 1979 as in rayon's and Eigen's sleep modules; the
/// exact count is that of a semaphore. Protocol and ledger: README.md here.
template <class Atomics = std_atomics>
class event_count {
 public:
  /// Announces a sleeper; everything that was made visible before a `call` that did not see the
  /// announcement is visible afterwards.
  void announce() noexcept {
    // order: [relaxed: ordered by the fence below]
    sleepers_.fetch_add(1, std::memory_order_relaxed);
    // order: a producer that misses the announcement has queued before our second look [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
  }
  /// Ends an announcement without sleeping. False if somebody has called this thread: it is relied
  /// on as if it had slept.
  bool withdraw() noexcept {
    // order: [relaxed: the exchange decides]
    auto seen = sleepers_.load(std::memory_order_relaxed);
    while (seen > 0) {
      // order: [relaxed: a count; nothing is handed over]
      if (sleepers_.compare_exchange_weak(seen, seen - 1, std::memory_order_relaxed,
                                          std::memory_order_relaxed)) {
        return true;
      }
    }
    sleep();  // a call is on its way to us, or to another one whom we leave ours to
    return false;
  }
  /// Sleeps until called; ends the announcement.
  void sleep() noexcept {
    // order: what was queued before the call is visible [pair:CALL]
    auto seen = calls_.load(std::memory_order_acquire);
    for (;;) {
      if (seen == 0) {
        Atomics::wait(calls_, 0);
        // order: as above [pair:CALL]
        seen = calls_.load(std::memory_order_acquire);
        // order: as above [pair:CALL]
      } else if (calls_.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire,
                                              std::memory_order_acquire)) {
        return;
      }
    }
  }

  /// Takes up to `n` sleepers, whom the caller must `get_up` next. Returns how many. Requires: a
  /// fence since what they shall look for was made visible [pair:SLEEP].
  std::uint32_t choose(std::uint32_t n) noexcept {
    // order: [relaxed: ordered by the caller's fence]
    auto seen = sleepers_.load(std::memory_order_relaxed);
    // order: [relaxed: a count; the call hands over what was queued]
    while (seen > 0 &&
           !sleepers_.compare_exchange_weak(seen, seen - std::min(seen, n),
                                            std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
    return std::min(seen, n);
  }
  void get_up(std::uint32_t n) noexcept {
    if (n == 0) return;
    // order: [relaxed: behind the caller's fence, which publishes what was queued] [pair:CALL]
    calls_.fetch_add(n, std::memory_order_relaxed);
    Atomics::wake(&calls_, static_cast<int>(n));
  }

 private:
  typename Atomics::template atomic<std::uint32_t> calls_{0};     // made, and not yet answered
  typename Atomics::template atomic<std::uint32_t> sleepers_{0};  // announced, and not chosen
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
