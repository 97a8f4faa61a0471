#pragma once

#include <dispenso/parallel_for.h>
#include <dispenso/task_set.h>
#include <dispenso/thread_pool.h>

#include <cstddef>
#include <memory>
#include <string>

#include "runtimes/by_reference.hpp"

/// \file
/// dispenso: who waits for a task set works on it, so the pool has one thread less; jobs that
/// nobody waits for go to a second one that has them all. A fork is a task set of its own, not its
/// parallel_invoke: with that, waits pile up other jobs on their own stack until it overflows.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "dispenso";
  static constexpr bool waits_pile_up = true;
  static const char* version() {
    static const auto text = std::to_string(DISPENSO_MAJOR_VERSION) + "." +
                             std::to_string(DISPENSO_MINOR_VERSION) + "." +
                             std::to_string(DISPENSO_PATCH_VERSION);
    return text.c_str();
  }
  explicit runtime(unsigned threads) : threads_(threads) {
    pool_ = std::make_unique<dispenso::ThreadPool>(threads - 1);
  }

  template <class F>
  auto run(F&& f) {
    return f();
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    return forked_by_reference(
        [](auto&& left, auto&& right) {
          dispenso::TaskSet tasks(*pool_);
          tasks.schedule([&left] { left(); });
          right();
          tasks.wait();
        },
        f, g);
  }
  template <class F>
  static void fork_all(std::size_t n, F f) {
    dispenso::TaskSet tasks(*pool_);
    for (std::size_t i = 1; i < n; ++i) tasks.schedule([&f, i] { f(i); });
    f(0);
    tasks.wait();
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    dispenso::TaskSet tasks(*pool_);
    dispenso::parallel_for(tasks, std::size_t{0}, n, body);
  }

  /// As its scheduler likes it: under load, or without a thread, the call runs the job itself.
  template <class F>
  int submit_and_get(F&& f) {
    int result = 0;
    dispenso::TaskSet tasks(*pool_);
    tasks.schedule([&] { result = f(); });
    tasks.wait();
    return result;
  }
  template <class F>
  void post(F&& f) {
    static dispenso::ThreadPool pool(threads_);
    pool.schedule(f, dispenso::ForceQueuingTag());
  }
  template <class F, class Done>
  void many(std::size_t n, F&& f, Done&& all_submitted) {
    dispenso::TaskSet tasks(*pool_);
    for (std::size_t i = 0; i < n; ++i) tasks.schedule(f, dispenso::ForceQueuingTag());
    all_submitted();
    tasks.wait();
  }
  template <class F, class Done>
  void bulk(std::size_t n, F&& f, Done&& all_submitted) {
    dispenso::TaskSet tasks(*pool_);
    tasks.scheduleBulk(n, [&f](std::size_t) { return f; }, dispenso::ForceQueuingTag());
    all_submitted();
    tasks.wait();
  }

 private:
  std::size_t threads_;
  inline static std::unique_ptr<dispenso::ThreadPool> pool_;
};

}  // namespace filch::bench
