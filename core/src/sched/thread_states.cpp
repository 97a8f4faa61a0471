#include "sched/thread_states.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "base/fork_guard.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

constexpr std::size_t most_open = 64;

std::chrono::nanoseconds clock_of(clockid_t which) noexcept {
  timespec now{};
  if (::clock_gettime(which, &now) != 0) return std::chrono::nanoseconds(0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// How Linux names the processor clock of a thread: the complement of its number, and the kind of
// clock in the three lowest bits; `pthread_getcpuclockid` makes the same for handles.
clockid_t clock_of_thread(pid_t thread) noexcept {
  constexpr unsigned per_thread = 4, scheduler_time = 2;
  return static_cast<clockid_t>(~static_cast<unsigned>(thread) << 3U | per_thread | scheduler_time);
}

class open_file {
 public:
  open_file() noexcept = default;
  open_file(pid_t thread, const char* name) noexcept {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/%s", static_cast<int>(thread), name);
    descriptor_ = ::open(path, O_RDONLY | O_CLOEXEC);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  open_file(open_file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  open_file& operator=(open_file&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~open_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool is_open() const noexcept { return descriptor_ >= 0; }
  /// Its text from the beginning; empty if it cannot be read any more.
  std::string_view read(char* room, std::size_t size) const noexcept {
    const auto got = descriptor_ < 0 ? -1 : ::pread(descriptor_, room, size, 0);
    return {room, got > 0 ? static_cast<std::size_t>(got) : 0};
  }

 private:
  int descriptor_ = -1;
};

using doing = thread_look::doing;

/// "running", or the number of the system call that the thread waits in; -1 outside of any, as in a
/// page fault.
doing in_syscall(std::string_view text) noexcept {
  if (text.empty() || text.front() == 'r') return doing::runs;
  long number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number == SYS_futex ? doing::waits_for_lock : doing::waits;
}

/// The letter behind the name in brackets, which may hold anything.
doing in_stat(std::string_view text) noexcept {
  const auto name_ends = text.rfind(')');
  if (name_ends == std::string_view::npos || name_ends + 2 >= text.size()) return doing::runs;
  return text[name_ends + 2] == 'R' ? doing::runs : doing::waits;
}

class proc_states final : public thread_states {
 public:
  proc_states(const char* file, doing (*understand)(std::string_view)) noexcept
      : file_(file), understand_(understand) {}

  thread_look look(unsigned place, pid_t thread) noexcept override {
    char room[512];
    if (place >= most_open) {
      const open_file once(thread, file_);
      return {understand_(once.read(room, sizeof room)), clock_of(clock_of_thread(thread))};
    }
    auto& kept = kept_[place];
    if (kept.thread != thread) kept = {thread, open_file(thread, file_)};
    const auto text = kept.file.read(room, sizeof room);
    if (text.empty()) kept = {};  // no descriptor was left, or the number is another thread's now
    return {understand_(text), clock_of(clock_of_thread(thread))};
  }
  std::chrono::nanoseconds process_cpu() noexcept override {
    return clock_of(CLOCK_PROCESS_CPUTIME_ID);
  }
  std::string_view source() const noexcept override { return file_; }

 private:
  struct kept_file {
    pid_t thread = 0;
    open_file file{};
  };
  const char* const file_;
  doing (*const understand_)(std::string_view);
  kept_file kept_[most_open];
};

/// Where there is no /proc. Each thread looks as if it waited; that its clock stands still, and
/// that the processors are not busy, is for the monitor to see.
class clock_states final : public thread_states {
 public:
  thread_look look(unsigned /*place*/, pid_t thread) noexcept override {
    return {doing::waits, clock_of(clock_of_thread(thread))};
  }
  std::chrono::nanoseconds process_cpu() noexcept override {
    return clock_of(CLOCK_PROCESS_CPUTIME_ID);
  }
  std::string_view source() const noexcept override { return "clocks"; }
};

/// Whether such files may be read. (What one says of the thread that reads it is of no use: it is
/// in the call that reads.)
bool is_readable(const char* file) noexcept {
  char room[512];
  return !open_file(this_thread_number(), file).read(room, sizeof room).empty();
}

}  // namespace

std::unique_ptr<thread_states> system_thread_states() {
  if (is_readable("syscall")) return std::make_unique<proc_states>("syscall", in_syscall);
  if (is_readable("stat")) return std::make_unique<proc_states>("stat", in_stat);
  return std::make_unique<clock_states>();
}

pid_t this_thread_number() noexcept {
  struct known {
    pid_t number = 0;
    std::optional<fork_generation> in{};
  };
  static constinit thread_local known mine;
  if (mine.number == 0 || mine.in->stale()) {
    mine.in = fork_generation::current();
    mine.number = static_cast<pid_t>(::syscall(SYS_gettid));
  }
  return mine.number;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
