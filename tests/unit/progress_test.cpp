#include <filch/progress.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using filch::detail::progress_line;

TEST(progress_line, shows_share_bar_counts_and_time_left) {
  EXPECT_EQ(progress_line("fetching", {.done = 5, .failed = 0, .total = 20}, 10s, 60),
            "fetching  25% [#######.....................] 5/20, 0:30 left");
}

TEST(progress_line, counts_failures) {
  const auto line = progress_line("", {.done = 5, .failed = 2, .total = 10}, 5s, 80);
  EXPECT_NE(line.find("5/10, 2 failed, 0:05 left"), std::string::npos) << line;
}

TEST(progress_line, tells_the_time_taken_when_all_is_done) {
  const auto line = progress_line("x", {.done = 10, .failed = 0, .total = 10}, 3725s, 60);
  EXPECT_NE(line.find("100%"), std::string::npos) << line;
  EXPECT_NE(line.find("10/10, 1:02:05"), std::string::npos) << line;
  EXPECT_EQ(line.find('.'), std::string::npos) << line;
}

TEST(progress_line, promises_no_end_where_it_knows_none) {
  EXPECT_EQ(progress_line("x", {.done = 7, .failed = 0, .total = 0}, 61s, 80), "x 7, 1:01");
  EXPECT_EQ(progress_line("x", {.done = 0, .failed = 0, .total = 10}, 1s, 20),
            "x   0% [......] 0/10");
}

TEST(progress_line, fits_into_any_width) {
  for (std::size_t width = 0; width < 200; ++width) {
    EXPECT_LE(progress_line("a label", {.done = 12, .failed = 3, .total = 77}, 9s, width).size(),
              width);
  }
}

TEST(progress_line, is_not_confused_by_more_done_than_there_was) {
  const auto line = progress_line("", {.done = 30, .failed = 0, .total = 20}, 1s, 60);
  EXPECT_NE(line.find("100%"), std::string::npos) << line;
}

/// Makes another file the stderr of this process, while in scope.
class stderr_to {
 public:
  explicit stderr_to(int file) : saved_(::dup(STDERR_FILENO)) { ::dup2(file, STDERR_FILENO); }
  stderr_to(const stderr_to&) = delete;
  stderr_to& operator=(const stderr_to&) = delete;
  ~stderr_to() {
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
  }

 private:
  int saved_;
};

std::string read_all(int file) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(file, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

/// A terminal of 60 columns whose other side the test reads.
struct terminal {
  terminal() {
    screen = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    ::grantpt(screen);
    ::unlockpt(screen);
    keyboard = ::open(::ptsname(screen), O_RDWR | O_NOCTTY);
    const winsize size{25, 60, 0, 0};
    ::ioctl(screen, TIOCSWINSZ, &size);
  }
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;
  ~terminal() {
    ::close(keyboard);
    ::close(screen);
  }
  int screen = -1;
  int keyboard = -1;
};

TEST(progress_bar, is_silent_in_a_pipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    const stderr_to pipe(ends[1]);
    const filch::progress_bar bar("quiet");
    bar({.done = 1, .failed = 0, .total = 2});
    bar({.done = 2, .failed = 0, .total = 2});
  }
  ::close(ends[1]);
  EXPECT_EQ(read_all(ends[0]), "");
  ::close(ends[0]);
}

TEST(progress_bar, draws_on_a_terminal_and_ends_its_line) {
  const terminal tty;
  ASSERT_GE(tty.keyboard, 0);
  {
    const stderr_to terminal(tty.keyboard);
    const std::function<void(const filch::progress&)> bar = filch::progress_bar("loud");
    const auto copy = bar;  // shares the bar
    bar({.done = 1, .failed = 0, .total = 2});
    copy({.done = 2, .failed = 0, .total = 2});
  }
  const auto text = read_all(tty.screen);
  EXPECT_NE(text.find("\rloud  50% ["), std::string::npos) << text;
  EXPECT_NE(text.find("\rloud 100% ["), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
}

TEST(progress_bar, draws_seldom_however_often_it_is_called) {
  const terminal tty;
  ASSERT_GE(tty.keyboard, 0);
  const auto begin = std::chrono::steady_clock::now();
  {
    const stderr_to terminal(tty.keyboard);
    const filch::progress_bar bar;
    for (std::size_t i = 1; i < 100'000; ++i) bar({.done = i, .failed = 0, .total = 100'000});
  }
  const auto lines = 2 + (std::chrono::steady_clock::now() - begin) / 50ms;
  const auto text = read_all(tty.screen);
  EXPECT_LE(std::count(text.begin(), text.end(), '\r'), lines + 1);  // one stands in "\r\n"
}

TEST(progress_bar, ends_the_line_of_a_call_that_failed) {
  const terminal tty;
  ASSERT_GE(tty.keyboard, 0);
  {
    const stderr_to terminal(tty.keyboard);
    filch::progress_bar("cut short")({.done = 1, .failed = 1, .total = 2});
  }
  const auto text = read_all(tty.screen);
  EXPECT_EQ(text.back(), '\n') << text;
}

}  // namespace
