#include "warn.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

constexpr std::string_view prefix = "filch: ";
constexpr std::string_view cut = "...";

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

void warn(std::string_view text) noexcept {
  std::array<char, 1024> line;  // no allocation: a warning may be about memory
  const std::size_t room = line.size() - prefix.size() - cut.size() - 1;
  char* end = std::copy(prefix.begin(), prefix.end(), line.data());
  const std::string_view shown = text.substr(0, room);
  end = std::replace_copy_if(shown.begin(), shown.end(), end, is_control, ' ');
  if (shown.size() < text.size()) end = std::copy(cut.begin(), cut.end(), end);
  *end++ = '\n';

  const int saved = errno;
  const auto size = static_cast<std::size_t>(end - line.data());
  while (::write(STDERR_FILENO, line.data(), size) < 0 && errno == EINTR) {
  }
  errno = saved;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
