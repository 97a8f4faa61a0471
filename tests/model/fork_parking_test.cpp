// Forks and sleeping workers together, as core/src/sched/scheduler.cpp has it: who goes to sleep
// asks first, crosses the heavy fence, and looks once more; an owner that is asked makes jobs
// public and wakes somebody. Nobody sleeps while a fork waits to be run.
#include <sync/event_count.hpp>

#include <gtest/gtest.h>

#include "explorer/expect.hpp"
#include "forks.hpp"

namespace {

using model::atomic;
using model::require;
using latch = filch::detail::basic_latch<model::atomics>;

constexpr auto relaxed = std::memory_order_relaxed;

template <std::size_t Jobs>
struct sleepers_and_forks : forks::owner_and_thieves<> {
  filch::detail::event_count<model::atomics> sleep;
  atomic<int> over{0};
  std::array<latch, Jobs + 1> ran;
  bool got_up[model::max_threads] = {};

  /// Offers job `n` and stays in its left half until somebody else has run the job.
  template <class Left>
  void fork_and_meet(int n, Left left) {
    forks::half& right = begin(n);
    deque.push(&right);
    if (deque.asked()) {
      deque.answer(false);
      sleep.notify(1);
    }
    left();
    ran[static_cast<std::size_t>(n)].wait();
    join(right, n);
    end(n);
  }
  void stop() {
    over.store(1, relaxed);
    sleep.notify_all();
  }

  bool has_work() {
    deque.ask();
    model::atomics::heavy_fence();
    return !deque.looks_empty();
  }
  bool rob_as_worker(int me) {
    forks::half* job = nullptr;
    deque_type::index at = 0;
    if (!deque.steal(job, at, &names[me]) && !deque.force(job, at, &names[me])) return false;
    if (std::exchange(got_up[me], false) && has_work()) sleep.notify(1);
    const int n = job->number.read();
    run(*job);
    meet(n);
    job->thief.write(&names[me]);
    deque.done(at).set();
    return true;
  }
  virtual void meet(int n) { ran[static_cast<std::size_t>(n)].set(); }
  virtual ~sleepers_and_forks() = default;

  void work(int me) {
    while (over.load(relaxed) == 0) {
      if (rob_as_worker(me)) continue;
      const auto key = sleep.announce();
      if (over.load(relaxed) != 0 || has_work()) {
        sleep.withdraw();
        model::the_machine.pause();
      } else {
        sleep.sleep(key);
      }
      got_up[me] = true;
    }
  }
};

struct one_fork : sleepers_and_forks<1> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i > 0) return work(i);
    fork_and_meet(1, [] {});
    stop();
  }
};
TEST(model_fork_parking, a_worker_never_sleeps_through_a_fork) {
  model::expect_clean<one_fork>({.limits = {.preemptions = 2}});
}

// The first fork may clear the worker's question; the second comes when it sleeps again.
struct one_fork_after_the_other : sleepers_and_forks<2> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i > 0) return work(i);
    fork_and_meet(1, [] {});
    fork_and_meet(2, [] {});
    stop();
  }
};
TEST(model_fork_parking, a_question_that_was_answered_is_asked_again) {
  model::expect_clean<one_fork_after_the_other>({.limits = {.preemptions = 2, .stale_reads = 3}});
}

// Two jobs that need each other: both workers must get up.
struct two_that_meet : sleepers_and_forks<2> {
  static constexpr int threads = 3;
  latch here[3];
  void meet(int n) override {
    here[n].set();
    here[3 - n].wait();
    ran[static_cast<std::size_t>(n)].set();
  }
  void thread(int i) {
    if (i > 0) return work(i);
    fork_and_meet(1, [this] { fork_and_meet(2, [] {}); });
    stop();
  }
};
TEST(model_fork_parking, two_sleepers_get_up_for_two_forks) {
  model::expect_clean<two_that_meet>({.limits = {.preemptions = 1, .stale_reads = 1}, .widest = 1});
}

}  // namespace
