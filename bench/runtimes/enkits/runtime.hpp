#pragma once

#include <TaskScheduler.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "runtimes/by_reference.hpp"

/// \file
/// enkiTS: who waits runs tasks meanwhile, so the caller is one of the threads. Tasks are objects
/// that outlive their run.

namespace filch::bench {

template <class F>
class enki_job final : public enki::ITaskSet {
 public:
  explicit enki_job(F& f) : f_(f) {}
  void ExecuteRange(enki::TaskSetPartition, std::uint32_t) override { f_(); }

 private:
  F& f_;
};

template <class F>
class enki_loop final : public enki::ITaskSet {
 public:
  enki_loop(std::uint32_t n, F& body) : enki::ITaskSet(n), body_(body) {}
  void ExecuteRange(enki::TaskSetPartition part, std::uint32_t) override {
    for (auto i = part.start; i < part.end; ++i) body_(i);
  }

 private:
  F& body_;
};

class runtime {
 public:
  static constexpr const char* name = "enkiTS";
  static const char* version() { return "1.11"; }
  explicit runtime(unsigned threads) {
    scheduler_ = std::make_unique<enki::TaskScheduler>();
    scheduler_->Initialize(threads);
  }

  template <class F>
  auto run(F&& f) {
    return f();
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    return forked_by_reference(
        [](auto&& left, auto&& right) {
          enki_job job(left);
          scheduler_->AddTaskSetToPipe(&job);
          right();
          scheduler_->WaitforTask(&job);
        },
        f, g);
  }
  template <class F>
  static void fork_all(std::size_t n, F f) {
    enki_loop work(static_cast<std::uint32_t>(n), f);
    scheduler_->AddTaskSetToPipe(&work);
    scheduler_->WaitforTask(&work);
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    enki_loop work(static_cast<std::uint32_t>(n), body);
    scheduler_->AddTaskSetToPipe(&work);
    scheduler_->WaitforTask(&work);
  }

  template <class F>
  int submit_and_get(F&& f) {
    int result = 0;
    auto call = [&] { result = f(); };
    enki_job job(call);
    scheduler_->AddTaskSetToPipe(&job);
    scheduler_->WaitforTask(&job);
    return result;
  }
  /// Another thread must run it: this one only looks.
  template <class F>
  void hand_off(F&& f) {
    enki_job job(f);
    scheduler_->AddTaskSetToPipe(&job);
    while (!job.GetIsComplete()) {
    }
  }
  /// A full pipe makes it run the task in the call, as it says.
  template <class F, class Done>
  void many(std::size_t n, F&& f, Done&& all_submitted) {
    std::deque<enki_job<F>> jobs;
    for (std::size_t i = 0; i < n; ++i) scheduler_->AddTaskSetToPipe(&jobs.emplace_back(f));
    all_submitted();
    for (const auto& job : jobs) scheduler_->WaitforTask(&job);
  }

 private:
  inline static std::unique_ptr<enki::TaskScheduler> scheduler_;
};

}  // namespace filch::bench
