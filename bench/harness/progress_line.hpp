#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace filch::bench {

/// One line on stderr that says what is being measured and then vanishes; nothing in a pipe.
class progress_line {
 public:
  progress_line();
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  ~progress_line();

  /// Draws at most some ten times a second, so that drawing is not what is measured.
  void show(std::string_view what, std::size_t done, std::size_t total);
  void clear();

 private:
  const bool on_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace filch::bench
