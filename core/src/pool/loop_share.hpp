#pragma once

#include <chrono>
#include <cstddef>

#include <filch/detail/loop.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// One participant's pace, by what its last items cost.
struct loop_core::share {
  explicit share(std::size_t participants) noexcept : crew(participants) {}
  /// How many take part, at most.
  const std::size_t crew;
  /// Between two looks at the stop state it runs so many items.
  std::size_t block = 1;
  /// Fewer are not worth sharing.
  std::size_t least = 1;
  /// When it began, or last learned.
  std::chrono::steady_clock::time_point since{};
  void learn(std::size_t items, std::chrono::nanoseconds took) noexcept;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
