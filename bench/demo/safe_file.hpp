#pragma once

#include <string>
#include <string_view>

namespace demo {

/// A file that appears whole or not at all: written under a name of its own beside the target and
/// renamed at the end. Never follows or writes through a link, and replaces a file only if told to.
class safe_file {
 public:
  /// Makes the unfinished file, so that a bad path is known before the work is done.
  /// Throws: `std::runtime_error`.
  safe_file(std::string path, bool replace);
  /// Removes what `commit` has not put in place.
  ~safe_file();
  safe_file(const safe_file&) = delete;
  safe_file& operator=(const safe_file&) = delete;

  /// Throws: `std::runtime_error`; then the target is as it was.
  void commit(std::string_view text);

 private:
  void remove() noexcept;

  std::string path_;
  std::string unfinished_;
  bool replace_;
  int descriptor_ = -1;
};

}  // namespace demo
