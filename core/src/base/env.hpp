#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace filch {
inline namespace v0 {
namespace detail {

/// The number in the environment variable `name`. Nothing if the variable is unset or empty, or if
/// the program runs with more rights than its caller; nothing and a warning if the value is
/// anything but a plain decimal number from `lowest` to `highest`.
std::optional<unsigned> env_unsigned(const char* name, unsigned lowest, unsigned highest);

/// As `env_unsigned`, for a variable that names one of `allowed`.
std::optional<std::string> env_word(const char* name,
                                    std::initializer_list<std::string_view> allowed);

/// The path in the environment variable `name`; nothing if it is unset or empty, or if the program
/// runs with more rights than its caller; nothing and a warning if it is too long to be one.
std::optional<std::string> env_path(const char* name);

/// The number that `text` is, as a whole and in decimal; nothing if it is not one in the range.
std::optional<unsigned> parse_unsigned(std::string_view text, unsigned lowest,
                                       unsigned highest) noexcept;

/// `text` fit for a terminal and a log: quotes, backslashes and all but printable ASCII escaped,
/// cut after 64 characters.
std::string printable(std::string_view text);

}  // namespace detail
}  // namespace v0
}  // namespace filch
