#pragma once

#include <cstdint>
#include <string>

#include "harness/contest.hpp"

/// \file
/// Fibonacci numbers by their definition: nothing but forks.

namespace filch::bench::fib {

class problem {
 public:
  static constexpr const char* name = "fib";
  static constexpr const char* unit = "fork";
  explicit problem(std::int64_t size) : n_(size == 0 ? 35 : static_cast<int>(size)) {}

  int n() const noexcept { return n_; }
  /// Every call but those for 0 and 1 forks: fib(n + 1) - 1 times.
  double units() const { return static_cast<double>(by_loop(n_ + 1) - 1); }
  void prepare() const noexcept {}
  void check(long answer) const {
    if (answer != by_loop(n_))
      wrong("fib(" + std::to_string(n_) + ") is not " + std::to_string(answer));
  }

 private:
  static long by_loop(int n) {
    long a = 0;
    long b = 1;
    for (int i = 0; i < n; ++i) {
      const long next = a + b;
      a = b;
      b = next;
    }
    return a;
  }
  int n_;
};

}  // namespace filch::bench::fib
