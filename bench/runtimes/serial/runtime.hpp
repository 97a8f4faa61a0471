#pragma once

#include <cstddef>

#include "runtimes/by_reference.hpp"

/// \file
/// No runtime: every fork is two calls, every loop a loop.
///
/// Between the two calls stands a barrier for the compiler alone. It is no instruction, but without
/// it g++ sees that fib has no side effects and reuses results from one call in another: then the
/// serial program would solve another problem than all others.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "serial";
  static const char* version() { return ""; }
  explicit runtime(unsigned) {}

  template <class F>
  auto run(F&& f) {
    return f();
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    if constexpr (gives_nothing<F, G>) {
      f();
      keep_apart();
      g();
    } else {
      auto left = f();
      keep_apart();
      auto right = g();
      return std::pair(left, right);
    }
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    for (std::size_t i = 0; i < n; ++i) body(i);
  }

 private:
  static void keep_apart() noexcept { asm volatile("" ::: "memory"); }
};

}  // namespace filch::bench
