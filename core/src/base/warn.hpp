#pragma once

#include <atomic>
#include <string_view>

namespace filch {
inline namespace v0 {
namespace detail {

/// Writes "filch: `text`" as one line to standard error, with one write, so that lines of several
/// threads do not mix. Control characters become spaces; a line longer than 1 KiB is cut.
void warn(std::string_view text) noexcept;

/// As `warn`, but only for the first caller with this flag.
inline void warn_once(std::atomic_flag& said, std::string_view text) noexcept {
  // order: [relaxed: it picks one caller and hands nothing over]
  if (!said.test_and_set(std::memory_order_relaxed)) warn(text);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
