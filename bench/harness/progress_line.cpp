#include "progress_line.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

namespace filch::bench {

progress_line::progress_line() : on_terminal_(::isatty(STDERR_FILENO) == 1) {}

progress_line::~progress_line() { clear(); }

void progress_line::show(std::string_view what, std::size_t done, std::size_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!on_terminal_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  drawn_ = true;
  std::fprintf(stderr, "\r\033[K%zu/%zu %s", done, total, std::string(what).c_str());
  std::fflush(stderr);
}

void progress_line::clear() {
  if (!drawn_) return;
  drawn_ = false;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

}  // namespace filch::bench
