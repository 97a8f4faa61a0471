#pragma once

#include <pthread.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

struct thread_options {
  /// Bytes, rounded up to what the system accepts; 0 takes the system's default.
  std::size_t stack_size = 0;
  /// Shown by debuggers and `top`; the system keeps the first 15 bytes.
  std::string name;
};

/// The signal that `io::interruptible` sends; the only asynchronous one filch's threads let in
/// besides SIGPROF.
int interrupt_signal() noexcept;

/// A thread of the operating system. Unlike `std::thread` it reports a failed start as a value,
/// takes a stack size, and blocks asynchronous signals from the thread's first instruction on.
class os_thread {
 public:
  os_thread() noexcept = default;

  /// Starts a thread that runs `body`; if the system or the allocator has nothing to give, the
  /// result is not joinable and `error()` says why. An exception that leaves `body` terminates.
  /// Sees: `body` sees everything before the call; whoever joins sees everything `body` did.
  /// Throws: what copying `body` throws, except `bad_alloc`, which becomes ENOMEM.
  template <class Body>
  static os_thread start(Body&& body, const thread_options& options) {
    try {
      return launch(std::function<void()>(std::forward<Body>(body)), options);
    } catch (const std::bad_alloc&) {
      return os_thread(ENOMEM);
    }
  }

  os_thread(os_thread&& other) noexcept
      : handle_(other.handle_),
        error_(std::exchange(other.error_, 0)),
        joinable_(std::exchange(other.joinable_, false)) {}
  os_thread& operator=(os_thread&& other) noexcept;
  os_thread(const os_thread&) = delete;
  os_thread& operator=(const os_thread&) = delete;

  /// Terminates the program if the thread was neither joined, detached nor forgotten.
  ~os_thread();

  bool joinable() const noexcept { return joinable_; }

  /// Why `start` gave no thread (an errno value such as EAGAIN); 0 if it did.
  int error() const noexcept { return error_; }

  bool is_self() const noexcept {
    return joinable_ && ::pthread_equal(handle_, ::pthread_self()) != 0;
  }

  /// Requires: `joinable() && !is_self()`; anything else terminates, since it could only hang.
  void join() noexcept;

  /// Requires: `joinable()`.
  void detach() noexcept;

  /// Drops the handle without touching the thread: for a child after `fork()`, where there is none.
  void forget() noexcept { joinable_ = false; }

 private:
  explicit os_thread(int error) noexcept : error_(error) {}
  static os_thread launch(std::function<void()>&& body, const thread_options& options);

  pthread_t handle_{};
  int error_ = 0;
  bool joinable_ = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
