// The mark of a slot (core/src/sched/work_mark.hpp): whoever of the thread and the monitor comes
// first, the thread is counted out once and in once, and no notice outlives the job it was for.
#include <sched/work_mark.hpp>

#include <gtest/gtest.h>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::require;

constexpr auto relaxed = std::memory_order_relaxed;

/// A thread that runs jobs, and one that looks at it. `Waits`: each job waits in the library, too.
template <int Jobs, int Looks, bool Waits>
struct watched {
  static constexpr int threads = 2;
  filch::detail::work_mark<model::atomics> mark;
  atomic<int> begun{0}, ended{0};
  atomic<int> at_work{1};

  void thread(int me) { me == 0 ? work() : watch(); }

  void work() {
    for (int job = 1; job <= Jobs; ++job) {
      begun.store(job, relaxed);
      if (Waits) {
        if (mark.begin_wait()) at_work.fetch_sub(1, relaxed);
        at_work.fetch_add(1, relaxed);
        mark.end_wait();
      }
      ended.store(job, relaxed);
      if (mark.end_job()) at_work.fetch_add(1, relaxed);
    }
  }
  void watch() {
    for (int i = 0; i < Looks; ++i) {
      const int last = ended.load(relaxed);
      const int now = begun.load(relaxed);
      if (now == last) continue;
      if (mark.is_noticed()) {
        if (mark.retract()) at_work.fetch_add(1, relaxed);
      } else if (mark.notice(
                     [&] { return ended.load(relaxed) == last && begun.load(relaxed) == now; })) {
        at_work.fetch_sub(1, relaxed);
      }
    }
  }
  void after() {
    require(!mark.is_idle(), "a notice outlived its job");
    require(at_work.load(relaxed) == 1, "counted out and in a different number of times");
  }
};

TEST(model_work_mark, a_job_that_is_noticed_as_it_ends) {
  model::expect_clean<watched<1, 2, false>>({.limits = {.preemptions = 4, .oddities = 2}});
}

TEST(model_work_mark, one_job_after_the_other) {
  model::expect_clean<watched<2, 2, false>>({.limits = {.preemptions = 3, .oddities = 2}});
}

TEST(model_work_mark, a_job_that_is_noticed_as_it_begins_to_wait) {
  model::expect_clean<watched<1, 2, true>>({.limits = {.preemptions = 4, .oddities = 1}});
}

TEST(model_work_mark, jobs_that_wait_and_end) {
  model::expect_clean<watched<2, 2, true>>({.limits = {.preemptions = 3, .oddities = 1}});
}

}  // namespace
