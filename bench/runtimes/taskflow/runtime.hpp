#pragma once

#include <taskflow/algorithm/for_each.hpp>
#include <taskflow/taskflow.hpp>

#include <cstddef>
#include <memory>

#include "runtimes/by_reference.hpp"

/// \file
/// Taskflow: forks as task groups, loops as a graph of one parallel algorithm, built for each call
/// because each call has another body.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "Taskflow";
  static constexpr bool waits_pile_up = true;
  static const char* version() { return tf::version(); }
  explicit runtime(unsigned threads) { executor_ = std::make_unique<tf::Executor>(threads); }

  template <class F>
  auto run(F&& f) {
    return executor_->async([&f] { return f(); }).get();
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    return forked_by_reference(
        [](auto&& left, auto&& right) {
          auto group = executor_->task_group();
          group.silent_async([&left] { left(); });
          right();
          group.corun();
        },
        f, g);
  }
  template <class F>
  static void fork_all(std::size_t n, F f) {
    auto group = executor_->task_group();
    for (std::size_t i = 1; i < n; ++i) group.silent_async([&f, i] { f(i); });
    f(0);
    group.corun();
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    tf::Taskflow flow;
    flow.for_each_index(std::size_t{0}, n, std::size_t{1}, [&body](std::size_t i) { body(i); });
    executor_->run(flow).wait();
  }

  template <class F>
  int submit_and_get(F&& f) {
    return executor_->async(f).get();
  }
  template <class F>
  void post(F&& f) {
    executor_->silent_async(f);
  }
  template <class F, class Done>
  void many(std::size_t n, F&& f, Done&& all_submitted) {
    for (std::size_t i = 0; i < n; ++i) executor_->silent_async(f);
    all_submitted();
    executor_->wait_for_all();
  }

 private:
  inline static std::unique_ptr<tf::Executor> executor_;
};

}  // namespace filch::bench
