#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace filch {
inline namespace v0 {
namespace detail {

/// The first `limit` bytes of a file; empty if it cannot be read. Never stuck on something that is
/// no plain file. Throws: `bad_alloc`.
std::string read_file(const std::string& path, std::size_t limit);

/// What stands before the first `separator`, which is taken off `text` with it.
std::string_view take_until(std::string_view& text, char separator) noexcept;

/// Without the blanks and line ends at its end.
std::string_view trimmed(std::string_view text) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
