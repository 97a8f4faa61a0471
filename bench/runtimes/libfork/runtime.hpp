#pragma once

#include <libfork/algorithm/lift.hpp>
#include <libfork/core.hpp>
#include <libfork/schedule.hpp>

#include <cstddef>
#include <utility>

/// \file
/// libfork: coroutines, so each workload has a file of its own for it. The pool is the one whose
/// threads sleep when idle, and the caller is none of them.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "libfork";
  static const char* version() { return "3.8"; }
  explicit runtime(unsigned threads) : pool_(threads) {}

  /// Runs the coroutine function `f(args...)` and waits.
  template <class F, class... Args>
  auto run(F&& f, Args&&... args) {
    return lf::sync_wait(pool_, f, std::forward<Args>(args)...);
  }
  template <class F>
  int submit_and_get(F&& f) {
    return lf::sync_wait(pool_, lf::lift, f);
  }

 private:
  lf::lazy_pool pool_;
};

}  // namespace filch::bench
