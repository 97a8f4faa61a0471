#pragma once

#include <string>
#include <string_view>

namespace filch {
inline namespace v0 {
namespace detail {

/// Writes `text` into a file that does not exist yet, readable by its owner only. It appears under
/// its name when it is complete. Throws: `file_error`.
void write_new_file(const std::string& path, std::string_view text);

}  // namespace detail
}  // namespace v0
}  // namespace filch
