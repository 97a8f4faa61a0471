// Forks and sleeping workers together: nobody sleeps while a fork waits that its owner cannot get
// to. Owners and workers take the steps of core/src/sched, on the product's crew and split deque.
#include <gtest/gtest.h>

#include "small_pool.hpp"

namespace {

using small_pool::latch;

struct one_fork : small_pool::pool<2, 1> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i > 0) return work(i);
    crew.one_more();
    fork_and_meet(1, [] {});
    stop();
  }
};
TEST(model_fork_parking, a_worker_never_sleeps_through_a_fork) {
  model::expect_clean<one_fork>({.limits = {.preemptions = 2}});
}

// The first fork may clear the worker's question; the second comes when it sleeps again.
struct one_fork_after_the_other : small_pool::pool<2, 2> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i > 0) return work(i);
    crew.one_more();
    fork_alone(1);
    fork_and_meet(2, [] {});
    stop();
  }
};
TEST(model_fork_parking, a_question_that_was_answered_is_asked_again) {
  model::expect_clean<one_fork_after_the_other>({.limits = {.preemptions = 2, .stale_reads = 2}});
}

// Two halves that need each other: both workers must get up.
struct two_that_meet : small_pool::pool<3, 2> {
  static constexpr int threads = 3;
  latch here[3];
  void work_of(int n) override {
    here[n].set();
    here[3 - n].wait();
    ran[static_cast<std::size_t>(n)].set();
  }
  void thread(int i) {
    if (i > 0) return work(i);
    crew.one_more();
    fork_and_meet(1, [this] { fork_and_meet(2, [] {}); });
    stop();
  }
};
TEST(model_fork_parking, two_sleepers_get_up_for_two_forks) {
  model::expect_clean<two_that_meet>({.limits = {.preemptions = 1, .stale_reads = 1}, .widest = 1});
}

// The guest alone crowds the pool, so the worker leaves it its forks, until it sleeps.
struct guest_that_rests : small_pool::pool<1, 1> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i > 0) return work(i);
    crew.one_more();
    fork_and_meet(1, [this] { crew.guest_rests(); });
    crew.one_more();
    stop();
  }
};
TEST(model_fork_parking, a_guest_that_sleeps_with_private_forks_is_served) {
  model::expect_clean<guest_that_rests>({.limits = {.preemptions = 2}});
}

// Somebody else in a job crowds the pool; then the owner, a worker, blocks.
struct worker_that_blocks : small_pool::pool<2, 1> {
  static constexpr int threads = 2;
  worker_that_blocks() { crew.one_more(); }  // a guest, in a job that does not end
  void thread(int i) {
    if (i > 0) return work(i);
    crew.one_more();
    fork_and_meet(1, [this] { crew.worker_blocks(); });
    crew.one_more();
    stop();
  }
};
TEST(model_fork_parking, a_worker_that_blocks_beside_a_sleeping_one_is_served) {
  model::expect_clean<worker_that_blocks>({.limits = {.preemptions = 2}});
}

// Two guests crowd the pool; the one that forks waits for the other half without telling anybody.
// When the other guest goes there is room for the worker.
struct other_guest_goes : small_pool::pool<2, 1> {
  static constexpr int threads = 3;
  other_guest_goes() {
    crew.one_more();
    crew.one_more();
  }
  void thread(int i) {
    if (i == 2) return work(i);
    if (i == 1) return crew.guest_goes();
    fork_and_meet(1, [] {});
    stop();
  }
};
TEST(model_fork_parking, a_guest_that_goes_leaves_room_for_somebodys_forks) {
  model::expect_clean<other_guest_goes>(
      {.limits = {.preemptions = 2, .stale_reads = 1}, .widest = 2});
}

// The same, with a stand-in that ends: it crosses no fence of its own before it looks.
struct stand_in_ends : small_pool::pool<2, 1> {
  static constexpr int threads = 3;
  stand_in_ends() {
    crew.one_more();
    crew.one_more();
  }
  void thread(int i) {
    if (i == 2) return work(i);
    if (i == 1) {
      crew.leave(mark(i));
      return crew.look_again();
    }
    fork_and_meet(1, [] {});
    stop();
  }
};
TEST(model_fork_parking, a_stand_in_that_ends_leaves_room_for_somebodys_forks) {
  model::expect_clean<stand_in_ends>({.limits = {.preemptions = 2, .stale_reads = 1}, .widest = 2});
}

// The same, with a worker that blocks, and a question that was answered when all was crowded.
struct other_worker_blocks : small_pool::pool<2, 2> {
  static constexpr int threads = 3;
  other_worker_blocks() {
    crew.one_more();
    crew.one_more();
  }
  void thread(int i) {
    if (i == 2) return work(i);
    if (i == 1) return crew.worker_blocks();
    fork_alone(1);
    fork_and_meet(2, [] {});
    stop();
  }
};
TEST(model_fork_parking, a_worker_that_blocks_leaves_room_for_somebodys_forks) {
  model::expect_clean<other_worker_blocks>(
      {.limits = {.preemptions = 1, .stale_reads = 2}, .widest = 1});
}

// One worker takes a job that lasts as long as the guest's fork; the guest, which relied on that
// worker's search, sleeps.
struct guest_that_rests_beside_a_job : small_pool::pool<2, 2> {
  static constexpr int threads = 3;
  guest_that_rests_beside_a_job() {
    put(2);
    crew.one_more();
  }
  void work_of(int n) override {
    if (n == 2) wait_for(1);
    ran[static_cast<std::size_t>(n)].set();
  }
  void thread(int i) {
    if (i > 0) return work(i);
    fork_and_meet(1, [this] { crew.guest_rests(); });
    wait_for(2);
    stop();
  }
};
TEST(model_fork_parking, a_searcher_that_finds_a_job_looks_for_a_sleeping_guests_forks) {
  model::expect_clean<guest_that_rests_beside_a_job>(
      {.limits = {.preemptions = 1, .stale_reads = 1}, .widest = 1});
}

}  // namespace
