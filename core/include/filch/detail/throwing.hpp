#pragma once

#include <chrono>

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

// Thrown from one place each, out of the callers' hot code.
[[noreturn]] FILCH_API FILCH_COLD void throw_cancelled();
[[noreturn]] FILCH_API FILCH_COLD void throw_timed_out(const char* which);
[[noreturn]] FILCH_API FILCH_COLD void throw_get_timed_out();
[[noreturn]] FILCH_API FILCH_COLD void throw_no_result();
[[noreturn]] FILCH_API FILCH_COLD void throw_result_moved();

/// Now plus `limit`, saturated: a limit beyond the clock's range means "never".
template <class Rep, class Period>
std::chrono::steady_clock::time_point deadline_after(std::chrono::duration<Rep, Period> limit) {
  using clock = std::chrono::steady_clock;
  const auto now = clock::now();
  const auto room = std::chrono::duration<double>(clock::time_point::max() - now);
  if (std::chrono::duration<double>(limit) >= room) return clock::time_point::max();
  if (limit <= limit.zero()) return now;
  return now + std::chrono::ceil<clock::duration>(limit);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
