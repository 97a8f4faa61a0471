#include "env.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <system_error>

#include "warn.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

constexpr std::size_t longest_value = 256;
constexpr std::size_t longest_shown = 64;

// An empty variable is how shells say "not set" for one command.
std::optional<std::string_view> lookup(const char* name) noexcept {
  const char* value = ::secure_getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

void warn_ignored(const char* name, std::string_view value, const std::string& accepted) {
  warn("ignoring " + std::string(name) + "=\"" + printable(value) + "\": expected " + accepted);
}

}  // namespace

std::optional<unsigned> env_unsigned(const char* name, unsigned lowest, unsigned highest) {
  const auto value = lookup(name);
  if (!value) return std::nullopt;
  const auto number = parse_unsigned(*value, lowest, highest);
  if (!number) {
    warn_ignored(name, *value,
                 "a number from " + std::to_string(lowest) + " to " + std::to_string(highest));
  }
  return number;
}

std::optional<std::string> env_word(const char* name,
                                    std::initializer_list<std::string_view> allowed) {
  const auto value = lookup(name);
  if (!value) return std::nullopt;
  if (std::find(allowed.begin(), allowed.end(), *value) != allowed.end()) {
    return std::string(*value);
  }
  std::string accepted;
  for (const std::string_view word : allowed) {
    if (!accepted.empty()) accepted += ", ";
    accepted += word;
  }
  warn_ignored(name, *value, "one of " + accepted);
  return std::nullopt;
}

std::optional<std::string> env_path(const char* name) {
  constexpr std::size_t longest_path = 4095;
  const auto value = lookup(name);
  if (!value) return std::nullopt;
  if (value->size() > longest_path) {
    warn_ignored(name, *value, "a path of at most 4095 characters");
    return std::nullopt;
  }
  return std::string(*value);
}

std::optional<unsigned> parse_unsigned(std::string_view text, unsigned lowest,
                                       unsigned highest) noexcept {
  if (text.size() > longest_value) return std::nullopt;
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stopped != end) return std::nullopt;
  if (number < lowest || number > highest) return std::nullopt;
  return number;
}

std::string printable(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string shown;
  for (const char c : text.substr(0, longest_shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      shown += '\\';
      shown += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      shown += c;
    } else {
      shown += "\\x";
      shown += hex[byte >> 4U];
      shown += hex[byte & 0xfU];
    }
  }
  if (text.size() > longest_shown) shown += "...";
  return shown;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
