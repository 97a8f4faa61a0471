#pragma once

/// \file
/// Memory that runs out on demand; the program defines the operators in failing_new.cpp.

namespace filch_test {

/// While in scope, the n-th allocation of this thread (from 0) and all after it throw `bad_alloc`.
class fail_new_after {
 public:
  explicit fail_new_after(int n) noexcept;
  fail_new_after(const fail_new_after&) = delete;
  fail_new_after& operator=(const fail_new_after&) = delete;
  ~fail_new_after();
  /// True once an allocation was refused.
  static bool refused() noexcept;
};

/// While in scope, the n-th allocation (from 0) of all threads together throws `bad_alloc`; those
/// before and after it succeed. One at a time.
class fail_one_new {
 public:
  explicit fail_one_new(int n) noexcept;
  fail_one_new(const fail_one_new&) = delete;
  fail_one_new& operator=(const fail_one_new&) = delete;
  ~fail_one_new();
  /// True once it was refused.
  static bool refused() noexcept;
};

}  // namespace filch_test
