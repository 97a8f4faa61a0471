#pragma once

/// \file
/// Threads that run out on demand; failing_threads.cpp puts a pthread_create before the system's.

namespace filch_test {

/// While in scope, `n` more threads of the process can be started; all others fail with EAGAIN, as
/// at the limit of a container.
class fail_threads_after {
 public:
  explicit fail_threads_after(int n) noexcept;
  fail_threads_after(const fail_threads_after&) = delete;
  fail_threads_after& operator=(const fail_threads_after&) = delete;
  ~fail_threads_after();
  /// How many were refused since the last one was made.
  static int refused() noexcept;
};

}  // namespace filch_test
