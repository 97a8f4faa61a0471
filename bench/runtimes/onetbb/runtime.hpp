#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include <cstddef>

#include "runtimes/by_reference.hpp"

/// \file
/// oneTBB by hand: an arena of as many slots as threads, of which the caller takes one.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "oneTBB";
  static const char* version() { return TBB_VERSION_STRING; }
  explicit runtime(unsigned threads)
      : limit_(tbb::global_control::max_allowed_parallelism, threads),
        arena_(static_cast<int>(threads)) {
    arena_.initialize();
  }

  template <class F>
  auto run(F&& f) {
    return arena_.execute([&f] { return f(); });
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    return forked_by_reference([](auto&& left, auto&& right) { tbb::parallel_invoke(left, right); },
                               f, g);
  }
  template <class F>
  static void fork_all(std::size_t n, F f) {
    tbb::task_group group;
    for (std::size_t i = 1; i < n; ++i) group.run([&f, i] { f(i); });
    f(0);
    group.wait();
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    arena_.execute([&] { tbb::parallel_for(std::size_t{0}, n, body); });
  }

  template <class F>
  int submit_and_get(F&& f) {
    int result = 0;
    arena_.execute([&] {
      tbb::task_group group;
      group.run([&] { result = f(); });
      group.wait();
    });
    return result;
  }
  template <class F>
  void post(F&& f) {
    arena_.enqueue(f);
  }
  /// Enqueued, so that what the caller spawns `meanwhile` goes before; then the caller helps.
  template <class F, class Meanwhile>
  void background(std::size_t n, F&& f, Meanwhile&& meanwhile) {
    tbb::task_group group;
    for (std::size_t i = 0; i < n; ++i) arena_.enqueue(group.defer(f));
    meanwhile();
    arena_.execute([&group] { group.wait(); });
  }
  template <class F, class Done>
  void many(std::size_t n, F&& f, Done&& all_submitted) {
    arena_.execute([&] {
      tbb::task_group group;
      for (std::size_t i = 0; i < n; ++i) group.run(f);
      all_submitted();
      group.wait();
    });
  }

 private:
  tbb::global_control limit_;
  tbb::task_arena arena_;
};

}  // namespace filch::bench
