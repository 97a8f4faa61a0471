#pragma once

#include <chrono>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Keeps the calling thread busy for about `time`, and says what time it is then. Spins between two
/// looks at a shared line are given in time and not in pauses: processors take from 10 to 50 ns for
/// one.
inline std::chrono::steady_clock::time_point pause_for(std::chrono::nanoseconds time) noexcept {
  auto now = std::chrono::steady_clock::now();
  const auto until = now + time;
  while (now < until) {
    spin_pause();
    now = std::chrono::steady_clock::now();
  }
  return now;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
