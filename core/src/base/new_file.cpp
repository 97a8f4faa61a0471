#include "base/new_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <filch/error.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

[[noreturn]] void fail(const std::string& path, int code) {
  std::string why = std::generic_category().message(code);
  if (code == EEXIST) why = "it exists already; take it away, or choose another name";
  throw file_error("filch: cannot write " + path + ": " + why);
}

/// A file without its name: gone unless it gets one.
class unfinished_file {
 public:
  explicit unfinished_file(const std::string& path) : path_(path) {
    for (int tries = 0; fd_ < 0 && tries < 64; ++tries) {
      name_ = path + '.' + std::to_string(::getpid()) + '.' + std::to_string(tries) + ".unfinished";
      fd_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
      if (fd_ < 0 && errno != EEXIST) fail(path, errno);
    }
    if (fd_ < 0) fail(path, EEXIST);
  }
  unfinished_file(const unfinished_file&) = delete;
  unfinished_file& operator=(const unfinished_file&) = delete;
  ~unfinished_file() {
    ::close(fd_);
    if (!named_) ::unlink(name_.c_str());
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::write(fd_, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(path_, errno);
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void give_name() {
    if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
      fail(path_, errno);
    }
    named_ = true;
  }

 private:
  const std::string& path_;
  std::string name_;
  int fd_ = -1;
  bool named_ = false;
};

}  // namespace

void write_new_file(const std::string& path, std::string_view text) {
  unfinished_file file(path);
  file.write(text);
  file.give_name();
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
