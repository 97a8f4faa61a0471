#pragma once

#include <cstdint>

#include <filch/detail/export.hpp>

/// \file
/// Refuses to nest deeper while the thread can still unwind: calls that run jobs inside the
/// caller's frame ask here first, so that endless nesting ends in `filch::nesting_limit`, never in
/// SIGSEGV.

namespace filch {
inline namespace v0 {
namespace detail {

/// Frames of the calling thread below this address are too deep; all ones until it was measured.
/// Initial-exec: every call that nests reads it, and a call to the loader would cost more than
/// the check itself.
FILCH_API extern constinit thread_local std::uintptr_t stack_floor
    __attribute__((tls_model("initial-exec")));

/// Measures the calling thread's stack, sets `stack_floor` and says whether `frame` is above it.
/// True as well for a frame on no stack of ours to judge: a fiber's, or a signal handler's.
FILCH_API FILCH_COLD bool measure_stack(std::uintptr_t frame) noexcept;

[[noreturn]] FILCH_API FILCH_COLD void throw_nesting_limit();

/// Whether the calling thread has room to nest: at least 128 KiB of its stack, or a quarter of a
/// stack smaller than 512 KiB.
/// Cost: one load and a compare; the first call on a thread measures its stack.
/// `here`: something in the caller's frame.
inline bool has_stack(const void* here = __builtin_frame_address(0)) noexcept {
  const auto frame = reinterpret_cast<std::uintptr_t>(here);
  if (frame >= stack_floor) [[likely]] {
    return true;
  }
  return measure_stack(frame);
}

/// Throws: `nesting_limit` if the calling thread has no room to nest (see `has_stack`).
inline void require_stack(const void* here = __builtin_frame_address(0)) {
  if (!has_stack(here)) [[unlikely]] {
    throw_nesting_limit();
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
