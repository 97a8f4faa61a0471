#pragma once

#include <atomic>
#include <cstdint>

#include <filch/detail/latch.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Counts what a pool has accepted and not finished, and whether it still accepts from outside.
/// One word: the lowest bit says closed, the rest counts twos. `drained` opens when the count of
/// a closed gate falls to zero; after that nobody is inside and nobody gets in.
template <class Atomics = std_atomics>
class basic_gate {
 public:
  /// Counts one in; false at a closed gate unless `from_inside` (then the count is not zero).
  bool enter(bool from_inside) noexcept {
    // order: [relaxed: the exchange below decides]
    auto seen = word_.load(std::memory_order_relaxed);
    do {
      if ((seen & closed) != 0 && (!from_inside || seen == closed)) return false;
      // order: [relaxed: counting in publishes nothing; leaving does]
    } while (!word_.compare_exchange_weak(seen, seen + one, std::memory_order_relaxed,
                                          std::memory_order_relaxed));
    return true;
  }
  /// Counts one out: the caller's last access.
  void leave() noexcept {
    // order: all that was done inside is visible to who finds the gate drained [pair:GATE]
    if (word_.fetch_sub(one, std::memory_order_acq_rel) == (one | closed)) drained_.set();
  }
  /// Idempotent.
  void close() noexcept {
    // order: closing an empty gate sees what the last leaver did [pair:GATE]
    if (word_.fetch_or(closed, std::memory_order_acq_rel) == 0) drained_.set();
  }
  bool is_closed() const noexcept {
    // order: [relaxed: a snapshot]
    return (word_.load(std::memory_order_relaxed) & closed) != 0;
  }
  std::size_t inside() const noexcept {
    // order: [relaxed: a snapshot]
    return word_.load(std::memory_order_relaxed) / one;
  }
  basic_latch<Atomics>& drained() noexcept { return drained_; }

 private:
  static constexpr std::uint64_t closed = 1, one = 2;
  typename Atomics::template atomic<std::uint64_t> word_{0};
  basic_latch<Atomics> drained_;
};

using gate = basic_gate<>;

}  // namespace detail
}  // namespace v0
}  // namespace filch
