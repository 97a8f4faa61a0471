#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#include <sched.h>

/// \file
/// Atomics that disturb their threads: around each access a thread may spin, yield or sleep for
/// some microseconds, so that others come in between where they hardly ever do. A build with
/// FILCH_CHAOS gives them to the library (filch/detail/atomics.hpp); stress/chaos_test.cpp gives
/// them to one structure at a time. FILCH_TEST_SEED seeds what each thread does; which thread does
/// it when is still up to the system.

namespace filch_test {
namespace chaos {

inline std::uint64_t first_seed() noexcept {
  static const std::uint64_t seed = [] {
    const char* given = std::getenv("FILCH_TEST_SEED");
    return given ? std::strtoull(given, nullptr, 0) : std::uint64_t{20};
  }();
  return seed;
}

/// The next number of this thread; threads have seeds by the order of their first access.
inline std::uint64_t next() noexcept {
  static constinit std::atomic<std::uint64_t> threads{0};
  constinit thread_local std::uint64_t state = 0;
  if (state == 0) state = (first_seed() + 0x9e3779b97f4a7c15U * (threads.fetch_add(1) + 1)) | 1U;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

[[gnu::noinline]] inline void interrupt(std::uint64_t how) noexcept {
  if (how % 16 == 0) {
    const timespec nap{0, static_cast<long>(how / 64 % 50'000)};
    ::nanosleep(&nap, nullptr);
  } else if (how % 4 == 0) {
    ::sched_yield();
  } else {
    for (std::uint64_t i = how / 64 % 256; i > 0; --i)
      std::atomic_signal_fence(std::memory_order_seq_cst);
  }
}
inline void disturb() noexcept {
  const std::uint64_t chance = next();  // one access in 8 is disturbed, one in 128 by sleep
  if (chance % 16 == 0) interrupt(chance / 16);
}

/// As std::atomic; only what filch uses.
template <class T>
class atomic : public std::atomic<T> {
 public:
  using std::atomic<T>::atomic;
  atomic() noexcept = default;

  T load(std::memory_order order) const noexcept {
    const around it;
    return std::atomic<T>::load(order);
  }
  void store(T value, std::memory_order order) noexcept {
    const around it;
    std::atomic<T>::store(value, order);
  }
  T exchange(T value, std::memory_order order) noexcept {
    const around it;
    return std::atomic<T>::exchange(value, order);
  }
  template <class... Orders>
  bool compare_exchange_strong(T& expected, T desired, Orders... orders) noexcept {
    const around it;
    return std::atomic<T>::compare_exchange_strong(expected, desired, orders...);
  }
  /// Fails now and then for no reason, as it may.
  template <class... Orders>
  bool compare_exchange_weak(T& expected, T desired, Orders... orders) noexcept {
    const around it;
    if (next() % 16 == 0) {
      expected = std::atomic<T>::load(std::memory_order_seq_cst);
      return false;
    }
    return std::atomic<T>::compare_exchange_weak(expected, desired, orders...);
  }
  T fetch_add(T more, std::memory_order order) noexcept {
    const around it;
    return std::atomic<T>::fetch_add(more, order);
  }
  T fetch_sub(T less, std::memory_order order) noexcept {
    const around it;
    return std::atomic<T>::fetch_sub(less, order);
  }
  T fetch_or(T mask, std::memory_order order) noexcept {
    const around it;
    return std::atomic<T>::fetch_or(mask, order);
  }
  T fetch_and(T mask, std::memory_order order) noexcept {
    const around it;
    return std::atomic<T>::fetch_and(mask, order);
  }

 private:
  struct around {
    around() noexcept { disturb(); }
    ~around() { disturb(); }
  };
};

}  // namespace chaos
}  // namespace filch_test
