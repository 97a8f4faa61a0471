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

}  // namespace filch_test
