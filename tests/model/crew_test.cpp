// Queued jobs and the crew: producers leave them to who searches, else wake sleepers. No job is
// left while all sleep, and none is run twice.
#include <gtest/gtest.h>

#include "small_pool.hpp"

namespace {

using small_pool::latch;

struct one_job : small_pool::pool<1, 1> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i > 0) return work(i);
    submit(1);
    wait_for(1);
    stop();
  }
};
TEST(model_crew, a_worker_never_sleeps_through_a_job) {
  model::expect_clean<one_job>({.limits = {.preemptions = 3}});
}

struct two_jobs : small_pool::pool<1, 2> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i > 0) return work(i);
    submit(1);
    wait_for(1);
    submit(2);
    wait_for(2);
    stop();
  }
};
TEST(model_crew, it_gets_up_again_and_again) {
  model::expect_clean<two_jobs>({.limits = {.preemptions = 2}});
}

/// Two jobs that need each other.
template <unsigned Width>
struct jobs_that_meet : small_pool::pool<Width, 2> {
  latch here[3];
  void work_of(int n) override {
    here[n].set();
    here[3 - n].wait();
    this->ran[static_cast<std::size_t>(n)].set();
  }
};

struct two_workers : jobs_that_meet<2> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i > 0) return work(i);
    submit(1);
    submit(2);
    wait_for(1);
    wait_for(2);
    stop();
  }
};
TEST(model_crew, both_workers_get_up_for_two_jobs) {
  model::expect_clean<two_workers>({.limits = {.preemptions = 1, .stale_reads = 1}, .widest = 1});
}

// With a guest at work the first of them crowds the pool; queued jobs wake all the same.
struct crowded_workers : two_workers {
  crowded_workers() { crew.one_more(); }
};
TEST(model_crew, a_crowded_pool_wakes_for_queued_jobs) {
  model::expect_clean<crowded_workers>(
      {.limits = {.preemptions = 1, .stale_reads = 1}, .widest = 1});
}

// Both queued before one call.
struct queued_together : jobs_that_meet<2> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i > 0) return work(i);
    put(1);
    put(2);
    crew.wake(2);
    wait_for(1);
    wait_for(2);
    stop();
  }
};
TEST(model_crew, one_call_wakes_for_all_jobs_that_were_queued) {
  model::expect_clean<queued_together>(
      {.limits = {.preemptions = 1, .stale_reads = 1}, .widest = 1});
}

// Two producers; whoever is left to a searcher by both must not be forgotten.
struct two_producers : jobs_that_meet<2> {
  static constexpr int threads = 4;
  void thread(int i) {
    if (i > 1) return work(i);
    submit(i + 1);
    if (i > 0) return;
    wait_for(1);
    wait_for(2);
    stop();
  }
};
TEST(model_crew, two_producers_may_rely_on_one_searcher) {
  model::expect_clean<two_producers>({.limits = {.preemptions = 1, .stale_reads = 0}, .widest = 1});
}

}  // namespace
