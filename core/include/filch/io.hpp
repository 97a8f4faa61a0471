#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <filch/blocking.hpp>
#include <filch/detail/export.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

/// \file
/// System calls that wait, so that a stop reaches them and a worker that waits is replaced.
///
/// All of them: A stop of the running job, or of `options::stop`, makes them throw `cancelled`,
/// within a millisecond where the machine has a core to spare; one that was requested before, at
/// once. They take descriptors in blocking or non-blocking mode and leave the mode as it is.
/// Errors of the system are `call_failed` with its code, those for want of descriptors
/// `too_many_files`. An interrupting signal is no error; no SIGPIPE reaches the program.
/// Cost: one system call where nothing has to be waited for. The first wait of a thread opens a
/// descriptor (an eventfd) that it keeps. The first in a job allocates.
/// Threads: any, inside of jobs and out. Nobody else may close the descriptor meanwhile.

namespace filch {
inline namespace v0 {
namespace io {

/// A system call failed; `code()` says why in the system's terms.
class FILCH_API call_failed : public error {
 public:
  /// `what` says what to do about it.
  call_failed(const std::string& what, std::error_code code) : error(what), code_(code) {}
  ~call_failed() override;
  /// What the system said: `e.code() == std::errc::broken_pipe`.
  const std::error_code& code() const noexcept { return code_; }

 private:
  std::error_code code_;
};
/// The process, or the system, has no descriptor left (EMFILE, ENFILE).
class FILCH_API too_many_files : public call_failed {
 public:
  using call_failed::call_failed;
  ~too_many_files() override;
};
/// There is no such host or service, or no name server could tell.
class FILCH_API not_resolved : public error {
 public:
  using error::error;
  ~not_resolved() override;
};

/// What each call can be told.
struct options {
  /// Ends the call besides a stop of the running job.
  std::stop_token stop = {};
  /// Time for the call; 0: no limit, below 0: it has run out. Then it throws `timed_out`.
  std::chrono::nanoseconds timeout{0};
};

/// Owns a descriptor and closes it in the end.
class FILCH_API descriptor {
 public:
  /// None.
  descriptor() noexcept = default;
  /// Takes over `fd`; -1 is none.
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  /// Takes it over.
  descriptor(descriptor&& other) noexcept : fd_(other.release()) {}
  /// Takes it over; closes what it had.
  descriptor& operator=(descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  /// Closes it.
  ~descriptor() { reset(); }
  /// Its number; -1 for none.
  int get() const noexcept { return fd_; }
  /// True if there is one.
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Gives it away.
  int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes it and takes over another.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

/// An address of the internet, with its port.
class FILCH_API endpoint {
 public:
  /// A copy of the system's `sockaddr` of that size. Throws: `std::invalid_argument` if it is too
  /// large for one.
  endpoint(const void* address, std::size_t size);
  /// The system's `sockaddr`, of `size()` bytes.
  const void* address() const noexcept { return bytes_.data(); }
  /// How many bytes the address has.
  std::size_t size() const noexcept { return size_; }
  /// "127.0.0.1:80", "[::1]:80".
  std::string text() const;

 private:
  alignas(8) std::array<std::byte, 128> bytes_{};
  std::size_t size_;
};

/// Reads what is there, at most `into`; waits until there is something. 0 at the end of the file,
/// or for an empty span. A file on disk is read in a blocking region, which no stop ends.
FILCH_API std::size_t read(int fd, std::span<std::byte> into, const options& how = {});
/// The same, into characters.
inline std::size_t read(int fd, std::span<char> into, const options& how = {}) {
  return read(fd, std::as_writable_bytes(into), how);
}
/// Writes all of `from`. After an exception it is unknown how much was written: use `write_some`
/// where that counts. If the other side has gone: `call_failed`, `std::errc::broken_pipe`.
FILCH_API void write(int fd, std::span<const std::byte> from, const options& how = {});
/// The same, from characters.
inline void write(int fd, std::string_view from, const options& how = {}) {
  write(fd, std::as_bytes(std::span(from)), how);
}
/// Writes a part of `from`, at least a byte, and tells how much.
FILCH_API std::size_t write_some(int fd, std::span<const std::byte> from, const options& how = {});

/// The next connection of a listening socket; in blocking mode, and closed by an exec.
FILCH_API descriptor accept(int listener, const options& how = {});
/// A stream socket connected to `to`; in blocking mode, and closed by an exec.
FILCH_API descriptor connect(const endpoint& to, const options& how = {});
/// Resolves the name and tries its addresses one after the other. Throws: the last one's error.
FILCH_API descriptor connect(const std::string& host, const std::string& service,
                             const options& how = {});

/// The addresses of a host, in the order in which to try them. Numbers need no name server.
/// The system's resolver cannot be interrupted: it runs on a thread beside, and a stop leaves it
/// there until it has come to its own end. Throws: `not_resolved`, `no_thread`.
FILCH_API std::vector<endpoint> resolve(const std::string& host, const std::string& service,
                                        const options& how = {});

/// Waits until a read would not wait: there is something, or the end, or an error.
FILCH_API void wait_readable(int fd, const options& how = {});
/// Waits until a write would not wait: there is room, or an error.
FILCH_API void wait_writable(int fd, const options& how = {});

namespace detail {
FILCH_API void sleep(std::chrono::steady_clock::time_point until, const std::stop_token& stop);
}  // namespace detail

/// Sleeps until then. Throws: `cancelled`, `bad_alloc`.
template <class Clock, class Duration>
void sleep_until(std::chrono::time_point<Clock, Duration> when, const std::stop_token& stop = {}) {
  constexpr auto slice = std::chrono::seconds(1);  // another clock may be set meanwhile
  for (auto left = when - Clock::now();; left = when - Clock::now()) {
    const bool last = Clock::is_steady || left <= slice;
    const auto until =
        last ? filch::detail::deadline_after(left) : filch::detail::deadline_after(slice);
    detail::sleep(until, stop);
    if (last && (Clock::is_steady || Clock::now() >= when)) return;
  }
}
/// Sleeps that long; not at all if it is 0 or less.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> time, const std::stop_token& stop = {}) {
  detail::sleep(filch::detail::deadline_after(time), stop);
}

namespace detail {

/// While it lives, a stop interrupts the system calls of the thread. Keeps `errno`.
class FILCH_API interruptible_region {
 public:
  /// `required`: throws if the signal is taken, else goes on without it.
  explicit interruptible_region(const std::stop_token& stop, bool required = true);
  interruptible_region(const interruptible_region&) = delete;
  interruptible_region& operator=(const interruptible_region&) = delete;
  ~interruptible_region();

 private:
  struct target;
  filch::detail::blocking_region blocked_;
  std::unique_ptr<target> target_;
};

}  // namespace detail

/// Calls f, which blocks in system calls that are not filch's, and returns what it returns. A stop
/// interrupts these calls by a signal, again and again until f has returned: they fail with EINTR,
/// and f should then give up. What reads EINTR and tries again, and what the C library restarts
/// (`std::this_thread::sleep_for`, mutexes, condition variables, streams, `getaddrinfo`), goes on.
/// The result is handed on also after a stop: ask `this_job::check()`.
///
/// The signal is SIGRTMAX-2, with a handler that does nothing; opt-in because f must be written
/// for that. Counts as `blocking`. Throws: `cancelled` if the stop came before f was called;
/// `call_failed` if the program has a handler of its own for the signal; what f throws.
template <class F>
decltype(auto) interruptible(F&& f, const std::stop_token& stop = {}) {
  const detail::interruptible_region here(stop);
  return std::forward<F>(f)();
}

}  // namespace io
}  // namespace v0
}  // namespace filch
