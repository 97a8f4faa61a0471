#pragma once

#include <cstdint>

namespace filch {
inline namespace v0 {
namespace detail {

/// The addresses the calling thread's stack may use, `low` inclusive; both 0 if nobody knows.
struct stack_bounds {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;
};

/// Asks the system. Cost: opens a file on the main thread, a few hundred nanoseconds elsewhere.
stack_bounds current_stack_bounds() noexcept;

/// Bytes that stay free for unwinding and for what user code calls: 128 KiB, or a quarter of a
/// small stack.
std::uintptr_t stack_reserve(const stack_bounds& bounds) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
