#pragma once

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {

/// Gives the calling thread the signal mask that the program had when filch started its first
/// thread; does nothing if filch has started none.
///
/// filch's threads block every signal but the synchronous ones, so that handlers run on the
/// program's own threads. A child made by `fork` or `posix_spawn` inherits that mask through
/// `exec` and would then ignore SIGTERM or SIGINT: a job that spawns children calls this before.
///
/// Threads: changes only the calling thread's mask; it stays changed until the thread ends or
/// sets it again. Safe to call between `fork` and `exec`.
FILCH_API void restore_signals() noexcept;

}  // namespace v0
}  // namespace filch
