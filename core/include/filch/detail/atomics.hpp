#pragma once

#include <atomic>
#include <cstdint>

#include <filch/detail/export.hpp>
#include <filch/detail/futex.hpp>
#ifdef FILCH_CHAOS
// A build for tests names a header of theirs, whose atomics let other threads come in between.
#include FILCH_CHAOS
#endif

namespace filch {
inline namespace v0 {
namespace detail {

/// True if the kernel can run a barrier in all threads of this process (Linux' membarrier).
FILCH_API bool has_heavy_fence() noexcept;
/// That barrier; without it a sequentially consistent fence of the calling thread only.
FILCH_API void heavy_fence() noexcept;

/// What a lock-free structure needs of the machine. The product runs on this one; the model
/// checkers in tests/model hand the very same structures a policy that records every access.
struct std_atomics {
#ifdef FILCH_CHAOS
  template <class T>
  using atomic = filch_test::chaos::atomic<T>;
#else
  template <class T>
  using atomic = std::atomic<T>;
#endif

  /// A fence of the given order; only sequentially consistent fences are used in filch.
  static void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }

  /// Two fences that only work together: the light one keeps the compiler from moving accesses and
  /// costs nothing; the heavy one orders every thread of the process and costs microseconds.
  /// Only where `has_heavy_fence()`. Source: P1202.
  // order: half of an asymmetric pair, named by its users [pair:HEAVY]
  static void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
  static void heavy_fence() noexcept { detail::heavy_fence(); }

  /// Sleeps while `word` holds `expected`; may return without cause.
  static void wait(const atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    futex_wait(word, expected);
  }
  /// Wakes up to `count` sleepers of the word at this address, which may be gone already.
  static void wake(const atomic<std::uint32_t>* word, int count) noexcept {
    futex_wake(word, count);
  }
};

/// Tells the processor that this thread spins.
inline void spin_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
