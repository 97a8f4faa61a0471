#pragma once

#define TMC_IMPL
#include <tmc/ex_cpu.hpp>
#include <tmc/spawn_many.hpp>
#include <tmc/spawn_tuple.hpp>
#include <tmc/sync.hpp>
#include <tmc/task.hpp>
#include <tmc/version.hpp>

#include <cstddef>
#include <ranges>

/// \file
/// TooManyCooks: coroutines, so each workload has a file of its own for it. The caller is none of
/// its threads.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "TooManyCooks";
  static const char* version() { return "1.7"; }
  explicit runtime(unsigned threads) { tmc::cpu_executor().set_thread_count(threads).init(); }

  /// Runs the task and waits for it.
  template <class Result>
  Result run(tmc::task<Result>&& task) {
    return tmc::post_waitable(tmc::cpu_executor(), std::move(task)).get();
  }
  template <class F>
  int submit_and_get(F&& f) {
    return tmc::post_waitable(tmc::cpu_executor(), f).get();
  }
  template <class F>
  void post(F&& f) {
    tmc::post(tmc::cpu_executor(), f);
  }
  template <class F, class Done>
  void bulk(std::size_t n, F&& f, Done&& all_submitted) {
    auto jobs = std::views::iota(std::size_t{0}, n) |
                std::views::transform([&f](std::size_t) { return [&f] { f(); }; });
    auto all = tmc::post_bulk_waitable(tmc::cpu_executor(), jobs.begin(), n);
    all_submitted();
    all.wait();
  }
};

}  // namespace filch::bench
