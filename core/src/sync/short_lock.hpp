#pragma once

#include <atomic>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// A mutex for critical sections of a few stores. Who finds it taken spins first: the holder is
/// gone in less time than a sleep and a wake-up take, unless it was interrupted.
/// Source: the third mutex of Drepper's "Futexes are tricky", with a spin before it.
template <class Atomics = std_atomics, int Spins = 100>
class basic_short_lock {
 public:
  basic_short_lock() noexcept = default;
  basic_short_lock(const basic_short_lock&) = delete;
  basic_short_lock& operator=(const basic_short_lock&) = delete;

  void lock() noexcept {
    for (int i = 0; i < Spins; ++i) {
      std::uint32_t open = 0;
      // order: [relaxed: a hint; the exchange decides]
      if (word_.load(std::memory_order_relaxed) == 0 &&
          // order: what the last holder wrote is visible [pair:SHORT-LOCK]
          word_.compare_exchange_strong(open, taken, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
        return;
      }
      spin_pause();
    }
    // order: as above [pair:SHORT-LOCK]
    while (word_.exchange(slept_on, std::memory_order_acquire) != 0) {
      Atomics::wait(word_, slept_on);
    }
  }
  void unlock() noexcept {
    // order: what was written under the lock is visible to the next holder [pair:SHORT-LOCK]
    if (word_.exchange(0, std::memory_order_release) == slept_on) Atomics::wake(&word_, 1);
  }

 private:
  static constexpr std::uint32_t taken = 1, slept_on = 2;
  typename Atomics::template atomic<std::uint32_t> word_{0};
};

using short_lock = basic_short_lock<>;

}  // namespace detail
}  // namespace v0
}  // namespace filch
