#include <filch/progress.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

using clock = std::chrono::steady_clock;

constexpr int terminal = STDERR_FILENO;
constexpr auto shortest_pause = std::chrono::milliseconds(50);
constexpr std::size_t narrowest_bar = 5;
constexpr std::size_t widest_bar = 40;
constexpr std::size_t usual_width = 80;

/// Minutes and seconds, with hours where there are some.
std::string clock_face(double seconds) {
  const auto all = static_cast<unsigned long long>(std::clamp(seconds, 0.0, 3.6e8));
  char text[48];
  if (all >= 3600) {
    std::snprintf(text, sizeof text, "%llu:%02llu:%02llu", all / 3600, all / 60 % 60, all % 60);
  } else {
    std::snprintf(text, sizeof text, "%llu:%02llu", all / 60, all % 60);
  }
  return text;
}

std::string counts(const progress& now, double elapsed) {
  std::string text = std::to_string(now.done);
  if (now.total != 0) text += "/" + std::to_string(now.total);
  if (now.failed != 0) text += ", " + std::to_string(now.failed) + " failed";
  if (now.total == 0 || now.done >= now.total) return text + ", " + clock_face(elapsed);
  if (now.done == 0) return text;
  const auto ahead = static_cast<double>(now.total - now.done);
  return text + ", " + clock_face(elapsed / static_cast<double>(now.done) * ahead) + " left";
}

std::string bar(const progress& now, std::size_t width) {
  const double share = static_cast<double>(now.done) / static_cast<double>(now.total);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
}

std::size_t columns() {
  winsize size{};
  if (::ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return usual_width;
  return size.ws_col;
}

/// Best effort: a terminal that is gone must not break the call it tells about.
void show(const std::string& text) {
  const char* at = text.data();
  std::size_t left = text.size();
  while (left > 0) {
    const auto n = ::write(terminal, at, left);
    if (n <= 0) return;
    at += n;
    left -= static_cast<std::size_t>(n);
  }
}

}  // namespace

std::string progress_line(std::string_view label, const progress& now,
                          std::chrono::nanoseconds elapsed, std::size_t width) {
  const std::string numbers = counts(now, std::chrono::duration<double>(elapsed).count());
  std::string line;
  if (!label.empty()) line = std::string(label) + " ";
  if (now.total != 0) {
    progress known = now;
    known.done = std::min(now.done, now.total);
    char percent[8];
    std::snprintf(percent, sizeof percent, "%3u%% ",
                  static_cast<unsigned>(100.0 * static_cast<double>(known.done) /
                                        static_cast<double>(known.total)));
    line += percent;
    const std::size_t taken = line.size() + numbers.size() + 3;  // brackets and a space
    if (width >= taken + narrowest_bar) {
      line += bar(known, std::min(widest_bar, width - taken)) + " ";
    }
  }
  line += numbers;
  if (line.size() > width) line.resize(width);
  return line;
}

}  // namespace detail

struct progress_bar::state {
  explicit state(std::string_view text) : label(text), visible(::isatty(detail::terminal) == 1) {}
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() {
    if (open) detail::show("\n");
  }

  void draw(const progress& now) {
    const auto time = detail::clock::now();
    if (now.done < last.done) begun = time;  // another call
    last = now;
    const bool complete = now.total != 0 && now.done >= now.total;
    if (!complete && open && time - drawn < detail::shortest_pause) return;
    drawn = time;
    // One column stays free: a full line would make some terminals wrap.
    const auto line = detail::progress_line(label, now, time - begun, detail::columns() - 1);
    // Back to the margin, the line, and the rest of an older, longer one erased.
    detail::show("\r" + line + "\x1b[K" + (complete ? "\n" : ""));
    open = !complete;
  }

  std::string label;
  bool visible;
  bool open = false;
  progress last{};
  detail::clock::time_point begun = detail::clock::now();
  detail::clock::time_point drawn{};
};

progress_bar::progress_bar(std::string_view label) : state_(std::make_shared<state>(label)) {}

void progress_bar::operator()(const progress& now) const {
  if (state_->visible) state_->draw(now);
}

}  // namespace v0
}  // namespace filch
