#pragma once

#include <citor/thread_pool.h>
#include <citor/version.h>

#include <cstddef>
#include <memory>
#include <stdexcept>

#include "runtimes/by_reference.hpp"

/// \file
/// citor: the caller is one of its participants. It has no queue of single jobs: a detached one is
/// a thread of its own.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "citor";
  static const char* version() { return CITOR_VERSION_STRING; }
  explicit runtime(unsigned threads) {
    pool_ = std::make_unique<citor::ThreadPool>(threads);
    if (pool_->participants() != threads) {
      throw std::runtime_error("citor has " + std::to_string(pool_->participants()) +
                               " participants, not " + std::to_string(threads) +
                               ": it takes no more than the process may use cores");
    }
  }

  template <class F>
  auto run(F&& f) {
    return f();
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    return forked_by_reference(
        [](auto&& left, auto&& right) { pool_->forkJoin<citor::HintsDefaults>(left, right); }, f,
        g);
  }
  template <class F>
  static void fork_all(std::size_t n, F f) {
    pool_->forkJoinAll<citor::HintsDefaults>(n, f);
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    pool_->parallelFor<citor::StaticHints>(0, n, [&body](std::size_t lo, std::size_t hi) {
      for (std::size_t i = lo; i < hi; ++i) body(i);
    });
  }

 private:
  inline static std::unique_ptr<citor::ThreadPool> pool_;
};

}  // namespace filch::bench
