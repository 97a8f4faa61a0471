#include "io/stops.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <filch/blocking.hpp>
#include <filch/detail/latch.hpp>

#include "base/fork_guard.hpp"
#include "base/thread_end.hpp"
#include "sched/blocked.hpp"

namespace filch {
inline namespace v0 {

namespace detail {

static_assert(sizeof(blocked_worker) == sizeof(void*));
static_assert(alignof(blocked_worker) <= alignof(void*));

// A pool without workers runs one job at a time, and f may run some in place: the turn stays ours.
blocking_region::blocking_region() noexcept {
  ::new (static_cast<void*>(mark_)) blocked_worker(current.home, blocked_worker::on::others);
}

blocking_region::~blocking_region() {
  const int kept = errno;
  std::launder(reinterpret_cast<blocked_worker*>(mark_))->~blocked_worker();
  errno = kept;
}

}  // namespace detail

namespace io {

call_failed::~call_failed() = default;
too_many_files::~too_many_files() = default;
not_resolved::~not_resolved() = default;

namespace detail {

void limits::throw_timed_out() const {
  throw timed_out(std::string("filch::io: the time limit of ") + call_ +
                  " ran out before it was done; allow more time, or treat the other side as gone");
}

void limits::throw_failed(int error) const {
  const std::error_code code(error, std::generic_category());
  std::string what = std::string("filch::io: ") + call_ + " failed: " + code.message();
  if (error == EMFILE || error == ENFILE) {
    throw too_many_files(what +
                             "; close some descriptors, have fewer calls under way at a time, "
                             "or raise the limit (ulimit -n, fs.file-max)",
                         code);
  }
  if (error == ENOMEM) throw std::bad_alloc();
  throw call_failed(what, code);
}

namespace {

/// The eventfd by which a stop reaches a thread that polls. A forked child shares its parent's, and
/// would take its wake-ups, so it opens one of its own.
class wake_descriptor {
 public:
  int get(const limits& of) {
    if (!fd_ || born_in_->stale()) {
      descriptor fresh(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      if (!fresh) of.throw_failed(errno);
      fd_ = std::move(fresh);
      born_in_.emplace(filch::detail::fork_generation::current());
    }
    return fd_.get();
  }

 private:
  descriptor fd_;
  std::optional<filch::detail::fork_generation> born_in_;
};

constinit thread_local wake_descriptor* wake = nullptr;
constinit thread_local filch::detail::thread_end wake_end{
    []() noexcept { delete std::exchange(wake, nullptr); }};

/// The thread's own. Throws: as `throw_failed`; `bad_alloc`.
int own_wake_descriptor(const limits& of) {
  if (!wake) {
    auto fresh = std::make_unique<wake_descriptor>();
    if (!filch::detail::at_thread_end(wake_end)) throw std::bad_alloc();
    wake = fresh.release();
  }
  return wake->get(of);
}

struct wake_up {
  int fd;
  void operator()() const noexcept {
    const std::uint64_t one = 1;
    const int kept = errno;
    // It can only fail when the counter is full, and then the thread is awake.
    static_cast<void>(!::write(fd, &one, sizeof one));
    errno = kept;
  }
};

/// Takes rings back. One may be left from the call before, whose stop came when it had ended.
void silence(int bell) noexcept {
  std::uint64_t count = 0;
  static_cast<void>(!::read(bell, &count, sizeof count));
}

/// What is left until then, or null for ever.
const timespec* left_until(clock::time_point until, timespec& room) {
  if (until == clock::time_point::max()) return nullptr;
  const auto left = std::max(until - clock::now(), clock::duration::zero());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  room.tv_sec = static_cast<time_t>(seconds.count());
  room.tv_nsec = static_cast<long>(std::chrono::nanoseconds(left - seconds).count());
  return &room;
}

}  // namespace

void wait_ready(int fd, short events, const limits& until) {
  if (fd < 0) until.throw_failed(EBADF);  // poll would pass over it
  const int bell = own_wake_descriptor(until);
  const filch::detail::turn_pause paused;
  const filch::detail::blocked_worker stood_in_for(filch::detail::current.home,
                                                   filch::detail::blocked_worker::on::others);
  const at_stop ring(until.token(), wake_up{bell});
  pollfd sources[] = {{fd, events, 0}, {bell, POLLIN, 0}};
  for (;; until.check()) {
    timespec room{};
    const int ready = ::ppoll(sources, 2, left_until(until.until(), room), nullptr);
    if (ready < 0 && errno != EINTR) until.throw_failed(errno);
    if (ready > 0 && sources[1].revents != 0) {
      silence(bell);  // and then look whether it rang for this call
      until.check();
    }
    if (ready > 0 && (sources[0].revents & POLLNVAL) != 0) until.throw_failed(EBADF);
    if (ready > 0 && sources[0].revents != 0) return;
    if (ready == 0 && clock::now() >= until.until()) until.throw_timed_out();
  }
}

void sleep(clock::time_point until, const std::stop_token& stop) {
  const options how{stop, {}};
  const limits ends(how, "sleep");
  filch::detail::latch over;
  const auto wake_sleeper = [&over] { over.set(); };
  const at_stop ring(stop, wake_sleeper);
  const filch::detail::turn_pause paused;
  const filch::detail::blocked_worker stood_in_for(filch::detail::current.home,
                                                   filch::detail::blocked_worker::on::others);
  if (over.wait_until(until)) ends.check();
}

}  // namespace detail

void wait_readable(int fd, const options& how) {
  detail::wait_ready(fd, POLLIN | POLLRDHUP, detail::limits(how, "wait_readable"));
}

void wait_writable(int fd, const options& how) {
  detail::wait_ready(fd, POLLOUT, detail::limits(how, "wait_writable"));
}

void descriptor::reset(int fd) noexcept {
  if (fd_ >= 0) {
    const int kept = errno;
    ::close(fd_);  // on Linux it is closed also when that reports EINTR
    errno = kept;
  }
  fd_ = fd;
}

}  // namespace io
}  // namespace v0
}  // namespace filch
