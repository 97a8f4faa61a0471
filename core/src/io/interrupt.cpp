#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include <filch/detail/futex.hpp>
#include <filch/io.hpp>

#include "base/os_thread.hpp"
#include "io/stops.hpp"

namespace filch {
inline namespace v0 {
namespace io::detail {

namespace {

extern "C" {
static void filch_interrupted(int) {}
}

/// Installs the handler, without SA_RESTART, unless that is done. False if the program has another.
bool install_handler() noexcept {
  const int signal = filch::detail::interrupt_signal();
  struct sigaction now{};
  if (::sigaction(signal, nullptr, &now) != 0) return false;
  if (now.sa_handler == filch_interrupted) return true;
  if (now.sa_handler != SIG_DFL) return false;
  struct sigaction mine{};
  mine.sa_handler = filch_interrupted;
  ::sigemptyset(&mine.sa_mask);
  return ::sigaction(signal, &mine, nullptr) == 0;
}

/// A thread that is asked to leave its system calls, on its frame.
struct victim {
  pthread_t thread{};
  bool listed = false;
  victim* next = nullptr;

  void signal() const noexcept { ::pthread_kill(thread, filch::detail::interrupt_signal()); }
};

/// All of them. A signal that arrives just before a call does nothing, so each is sent again until
/// its thread has left the region: by a thread that exists only while there are any. Its end does
/// nothing, so regions may outlive static objects.
class interrupter {
 public:
  void add(victim& who) noexcept {
    std::lock_guard lock(lock_);
    who.signal();
    if (who.listed) return;
    who.listed = true;
    who.next = first_;
    first_ = &who;
    // order: [relaxed: the lock hands over the list; the word only ends the thread's pause]
    additions_.fetch_add(1, std::memory_order_relaxed);
    filch::detail::futex_wake(&additions_, 1);
    if (running_in_ == ::getpid()) return;
    auto thread = filch::detail::os_thread::start([this] { run(); }, {.name = "filch-interrupt"});
    if (thread.joinable()) {
      running_in_ = ::getpid();
      thread.detach();
    } else {
      repeat(who);
    }
  }
  void remove(victim& who) noexcept {
    std::lock_guard lock(lock_);
    if (!who.listed) return;
    victim** at = &first_;
    while (*at != &who) at = &(*at)->next;
    *at = who.next;
  }

 private:
  // Soon after the first signal, which may have come just before the call; then ever less often.
  void run() noexcept {
    constexpr auto first_pause = std::chrono::microseconds(100);
    constexpr auto longest_pause = std::chrono::microseconds(5000);
    std::uint32_t seen = 0;
    for (auto pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
      {
        std::lock_guard lock(lock_);
        if (!first_) {
          running_in_ = 0;
          return;
        }
        for (const victim* each = first_; each; each = each->next) each->signal();
        // order: [relaxed: written under the lock]
        const auto now = additions_.load(std::memory_order_relaxed);
        if (now != seen) pause = first_pause;
        seen = now;
      }
      filch::detail::futex_wait_until(additions_, seen, clock::now() + pause);
    }
  }
  // Without a thread for it: a few more, right here.
  static void repeat(const victim& who) noexcept {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      who.signal();
    }
  }

  std::mutex lock_;
  victim* first_ = nullptr;
  std::atomic<std::uint32_t> additions_{0};
  pid_t running_in_ = 0;  // a forked child has none of its parent's threads
};

constinit interrupter interrupts;

}  // namespace

struct interruptible_region::target {
  struct interrupt {
    victim* me;
    void operator()() const noexcept { interrupts.add(*me); }
  };

  explicit target(const std::stop_token& stop) {
    static_cast<void>(this_job::stop_token());  // throws now if ever
    sigset_t ours;
    ::sigemptyset(&ours);
    ::sigaddset(&ours, filch::detail::interrupt_signal());
    ::pthread_sigmask(SIG_UNBLOCK, &ours, &before);
    me.thread = ::pthread_self();
    at.emplace(stop, interrupt{&me});
  }
  target(const target&) = delete;
  target& operator=(const target&) = delete;
  ~target() {
    at.reset();  // nobody adds this thread any more
    interrupts.remove(me);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  sigset_t before{};
  victim me;
  std::optional<at_stop<interrupt>> at;
};

interruptible_region::interruptible_region(const std::stop_token& stop, bool required) {
  const options how{stop, {}};
  const limits stopped_before(how, "interruptible");
  if (install_handler()) {
    target_ = std::make_unique<target>(stop);
  } else if (required) {
    throw call_failed(
        "filch::io: interruptible needs signal SIGRTMAX-2, for which this program has a handler of "
        "its own; use another signal there",
        std::make_error_code(std::errc::device_or_resource_busy));
  }
}

interruptible_region::~interruptible_region() {
  const int kept = errno;
  target_.reset();
  errno = kept;
}

}  // namespace io::detail
}  // namespace v0
}  // namespace filch
