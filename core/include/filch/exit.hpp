#pragma once

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {

/// Ends the process at once, whatever its threads do, as if all of them were daemon threads: what
/// was written to stdout and stderr by C's functions (and by `std::cout` and `std::cerr` as long
/// as they are in step with them) goes out first, unless a thread is blocked in there; no
/// destructor of a static object, and nothing registered by `std::atexit`, runs.
///
/// Without it, a process that ends by `exit` or by a return from `main` asks the jobs of the
/// default pool to stop and waits a tenth of a second for them; afterwards none of its threads
/// begins another job, and those still in one are left to the end. Other pools end in their
/// destructors. Threads: any.
[[noreturn]] FILCH_API void exit_now(int status) noexcept;

}  // namespace v0
}  // namespace filch
