#include "safe_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace demo {
namespace {

[[noreturn]] void fail(const std::string& path, int code) {
  std::string why = std::generic_category().message(code);
  if (code == EEXIST) why = "it exists already; choose another name, or add --force to replace it";
  throw std::runtime_error("cannot write " + path + ": " + why);
}

void write_all(int descriptor, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const auto n = ::write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool exists(const std::string& path) {
  struct stat ignored{};
  return ::lstat(path.c_str(), &ignored) == 0;
}

}  // namespace

safe_file::safe_file(std::string path, bool replace) : path_(std::move(path)), replace_(replace) {
  if (!replace_ && exists(path_)) fail(path_, EEXIST);
  std::random_device random;
  for (int tries = 0; descriptor_ < 0 && tries < 16; ++tries) {
    unfinished_ = path_ + '.' + std::to_string(random()) + ".unfinished";
    descriptor_ =
        ::open(unfinished_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor_ < 0 && errno != EEXIST) fail(path_, errno);
  }
  if (descriptor_ < 0) fail(path_, EEXIST);
}

safe_file::~safe_file() { remove(); }

void safe_file::remove() noexcept {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  ::unlink(unfinished_.c_str());
}

void safe_file::commit(std::string_view text) {
  write_all(descriptor_, text, path_);
  if (::fsync(descriptor_) != 0 && errno != EINVAL) fail(path_, errno);
  const unsigned how = replace_ ? 0u : static_cast<unsigned>(RENAME_NOREPLACE);
  if (::renameat2(AT_FDCWD, unfinished_.c_str(), AT_FDCWD, path_.c_str(), how) != 0) {
    fail(path_, errno);
  }
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace demo
