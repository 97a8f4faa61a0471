#pragma once

#include <atomic>
#include <climits>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Where threads sleep until something they look for may have appeared.
///
/// A sleeper: `key = announce()`; looks at every queue once more; then `sleep(key)` or
/// `withdraw()`. A producer: makes the thing visible; then `notify(n)`. Either the producer sees
/// the announcement, or the sleeper's second look sees the thing: each side writes, crosses a
/// sequentially consistent fence, and reads what the other wrote. Nothing here times out.
/// Source: the event counts of Reed and Kanodia 1979 as in rayon's and Eigen's sleep modules.
/// Protocol and ledger: README.md here.
template <class Atomics = std_atomics>
class event_count {
 public:
  explicit event_count(std::uint32_t start = 0) noexcept : epoch_(start) {}

  /// Announces a sleeper; everything that was made visible before a `notify` that did not see
  /// the announcement is visible afterwards.
  std::uint32_t announce() noexcept {
    // order: [relaxed: ordered by the fence below]
    sleepers_.fetch_add(1, std::memory_order_relaxed);
    // order: a producer that misses the announcement has queued before our second look [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    // order: a notify that bumped the epoch before is not slept through [pair:EPOCH]
    return epoch_.load(std::memory_order_acquire);
  }
  void withdraw() noexcept {
    // order: [relaxed: an extra wake-up at worst]
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }
  /// Sleeps until notified after `announce` gave the key; ends the announcement.
  void sleep(std::uint32_t key) noexcept {
    // order: what was queued before the notify is visible [pair:EPOCH]
    while (epoch_.load(std::memory_order_acquire) == key) Atomics::wait(epoch_, key);
    withdraw();
  }

  /// Wakes up to `n` sleepers. Returns how many there seemed to be: fewer than `n` will look. One
  /// that was woken before and has not got up yet is among them, so whoever gets up and finds
  /// something must see to it that the rest is looked at.
  std::uint32_t notify(int n = 1) noexcept {
    // order: what was queued before is seen by a sleeper that we do not see here [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    // order: [relaxed: ordered by the fence above]
    const auto sleepers = sleepers_.load(std::memory_order_relaxed);
    if (sleepers == 0) return 0;
    // order: hands what was queued to who reads the new epoch [pair:EPOCH]
    epoch_.fetch_add(1, std::memory_order_acq_rel);
    Atomics::wake(&epoch_, n);
    return sleepers;
  }
  void notify_all() noexcept { notify(INT_MAX); }

 private:
  typename Atomics::template atomic<std::uint32_t> epoch_;
  typename Atomics::template atomic<std::uint32_t> sleepers_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
