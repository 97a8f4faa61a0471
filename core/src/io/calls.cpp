#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include <filch/io.hpp>

#include "io/stops.hpp"

// Sockets are asked without waiting, call by call, so neither their mode nor another reader of the
// same socket matters. Other descriptors have no such flag that works for all: they are polled
// first, and where another reader was faster the call waits in a region that a stop interrupts.

namespace filch {
inline namespace v0 {
namespace io {
namespace detail {

namespace {

bool on_disk(int fd) noexcept {
  struct stat what{};
  return ::fstat(fd, &what) == 0 && (S_ISREG(what.st_mode) || S_ISBLK(what.st_mode));
}

bool would_wait(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

/// Keeps a SIGPIPE of this thread's own write from being delivered, also later.
class no_sigpipe {
 public:
  no_sigpipe() noexcept {
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  no_sigpipe(const no_sigpipe&) = delete;
  no_sigpipe& operator=(const no_sigpipe&) = delete;
  ~no_sigpipe() {
    const int kept = errno;
    const timespec now{};
    if (!was_pending_ && broken) {
      while (::sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = kept;
  }
  bool broken = false;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

/// One call on what is not a socket. `attempt` makes it and returns what it returned; `later` is
/// waited for first. Tries again where it was interrupted without a stop.
template <class Attempt>
std::size_t call_other(int fd, short later, const limits& until, const Attempt& attempt) {
  const bool disk = on_disk(fd);
  for (;;) {
    if (!disk) wait_ready(fd, later, until);
    ssize_t done = 0;
    if (disk) {
      const filch::detail::blocking_region here;
      done = attempt();
    } else {
      const interruptible_region here(until.token(), false);
      done = attempt();
    }
    if (done >= 0) return static_cast<std::size_t>(done);
    const int error = errno;
    if (error != EINTR && !would_wait(error)) until.throw_failed(error);
    until.check();
  }
}

std::size_t read_other(int fd, std::span<std::byte> into, const limits& until) {
  iovec part{into.data(), into.size()};
  // Takes what lies there at once; kernels and kinds that do not know the flag say so.
  const ssize_t at_once = ::preadv2(fd, &part, 1, -1, RWF_NOWAIT);
  if (at_once >= 0) return static_cast<std::size_t>(at_once);
  return call_other(fd, POLLIN, until, [&] { return ::read(fd, into.data(), into.size()); });
}

std::size_t write_other(int fd, std::span<const std::byte> from, const limits& until) {
  // So much fits into a pipe that has room at all, so a pipe in blocking mode does not block.
  const bool whole = on_disk(fd) || (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
  const std::size_t most = whole ? from.size() : std::min<std::size_t>(from.size(), PIPE_BUF);
  return call_other(fd, POLLOUT, until, [&] {
    no_sigpipe quiet;
    const ssize_t done = ::write(fd, from.data(), most);
    quiet.broken = done < 0 && errno == EPIPE;
    return done;
  });
}

std::size_t read_part(int fd, std::span<std::byte> into, const limits& until) {
  for (;; until.check()) {
    const ssize_t got = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == ENOTSOCK) return read_other(fd, into, until);
    if (would_wait(errno)) {
      wait_ready(fd, POLLIN, until);
    } else if (errno != EINTR) {
      until.throw_failed(errno);
    }
  }
}

std::size_t write_part(int fd, std::span<const std::byte> from, const limits& until) {
  for (;; until.check()) {
    const ssize_t done = ::send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done >= 0) return static_cast<std::size_t>(done);
    if (errno == ENOTSOCK) return write_other(fd, from, until);
    if (would_wait(errno)) {
      wait_ready(fd, POLLOUT, until);
    } else if (errno != EINTR) {
      until.throw_failed(errno);
    }
  }
}

/// A connection that could not be finished when it was begun.
void wait_connected(int fd, const limits& until) {
  wait_ready(fd, POLLOUT, until);
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) until.throw_failed(error);
}

descriptor connect_to(const endpoint& to, const limits& until) {
  const auto* address = static_cast<const sockaddr*>(to.address());
  descriptor made(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) until.throw_failed(errno);
  if (::connect(made.get(), address, static_cast<socklen_t>(to.size())) != 0) {
    // Interrupted or not, it goes on by itself.
    if (errno != EINPROGRESS && errno != EINTR) until.throw_failed(errno);
    wait_connected(made.get(), until);
  }
  const int flags = ::fcntl(made.get(), F_GETFL);
  if (flags < 0 || ::fcntl(made.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    until.throw_failed(errno);
  }
  return made;
}

/// The caller's options with what is left of its time.
options rest_of(const options& how, const limits& until) {
  if (how.timeout.count() == 0) return how;
  const auto left = std::chrono::nanoseconds(until.until() - clock::now());
  return {how.stop, left.count() > 0 ? left : std::chrono::nanoseconds(-1)};
}

}  // namespace
}  // namespace detail

std::size_t read(int fd, std::span<std::byte> into, const options& how) {
  const detail::limits until(how, "read");
  return into.empty() ? 0 : detail::read_part(fd, into, until);
}

std::size_t write_some(int fd, std::span<const std::byte> from, const options& how) {
  const detail::limits until(how, "write");
  return from.empty() ? 0 : detail::write_part(fd, from, until);
}

void write(int fd, std::span<const std::byte> from, const options& how) {
  const detail::limits until(how, "write");
  while (!from.empty()) {
    from = from.subspan(detail::write_part(fd, from, until));
    if (!from.empty()) until.check();
  }
}

descriptor accept(int listener, const options& how) {
  const detail::limits until(how, "accept");
  for (;; until.check()) {
    detail::wait_ready(listener, POLLIN, until);
    descriptor made;
    {
      // Another thread may have been faster; then this waits, in a region that a stop interrupts.
      const detail::interruptible_region here(how.stop, false);
      made.reset(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    }
    if (made) return made;
    const int error = errno;
    // The other side of that connection has gone already.
    if (error == ECONNABORTED || error == EINTR || detail::would_wait(error)) continue;
    until.throw_failed(error);
  }
}

descriptor connect(const endpoint& to, const options& how) {
  return detail::connect_to(to, detail::limits(how, "connect"));
}

descriptor connect(const std::string& host, const std::string& service, const options& how) {
  const detail::limits until(how, "connect");
  std::exception_ptr last;
  for (const endpoint& to : resolve(host, service, how)) {
    try {
      return connect(to, detail::rest_of(how, until));
    } catch (const too_many_files&) {
      throw;  // the next one would not fare better
    } catch (const call_failed&) {
      last = std::current_exception();
    }
  }
  std::rethrow_exception(last);
}

}  // namespace io
}  // namespace v0
}  // namespace filch
