// The deque of forks (core/include/filch/detail/split_deque.hpp): each half runs once, nobody
// touches a frame that has ended, and the owner always gets through its joins.
#include <gtest/gtest.h>

#include "explorer/expect.hpp"
#include "forks.hpp"

namespace {

using forks::owner_and_thieves;
using model::require;

// No thief asks and nothing is public: whoever takes must use force.
struct forced : owner_and_thieves<> {
  static constexpr int threads = 2;
  forced() { deque.answer(false); }
  void thread(int i) {
    if (i == 1) {
      force(i);
      return;
    }
    fork(1, [this] { fork(2); });
  }
  void after() { require_all_ran(2); }
};
TEST(model_split_deque, a_forced_take_and_the_owner_run_each_job_once) {
  model::expect_clean<forced>({.limits = {.preemptions = 3}});
}

// The place is used again by another frame while the thief is at its barrier.
struct forced_at_a_used_place : owner_and_thieves<> {
  static constexpr int threads = 2;
  forced_at_a_used_place() { deque.answer(false); }
  void thread(int i) {
    if (i == 1) {
      force(i);
      return;
    }
    fork(1);
    fork(2);
    fork(3);
  }
  void after() { require_all_ran(3); }
};
TEST(model_split_deque, a_forced_take_never_runs_the_job_that_was_there_before) {
  model::expect_clean<forced_at_a_used_place>({.limits = {.preemptions = 3}});
}

// Half of three private jobs are marked: what the barrier freed is stolen without another one.
struct forced_in_bulk : owner_and_thieves<> {
  static constexpr int threads = 2;
  forced_in_bulk() { deque.answer(false); }
  void thread(int i) {
    if (i == 1) {
      force(i);
      steal(i);
      return;
    }
    fork(1, [this] { fork(2, [this] { fork(3); }); });
  }
  void after() { require_all_ran(3); }
};
TEST(model_split_deque, one_barrier_may_feed_several_steals) {
  model::expect_clean<forced_in_bulk>({.limits = {.preemptions = 2}});
}

// The question is open from the start, so the first fork answers it.
struct published : owner_and_thieves<> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i == 1) {
      steal(i);
      deque.ask();
      steal(i);
      return;
    }
    fork(1, [this] { fork(2, [this] { fork(3); }); });
  }
  void after() { require_all_ran(3); }
};
TEST(model_split_deque, public_jobs_are_stolen_or_taken_back) {
  model::expect_clean<published>({.limits = {.preemptions = 3}});
}

// Two jobs are public at one place, one after the other, and the word looks the same both times.
struct published_twice : owner_and_thieves<> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i == 1) {
      steal(i);
      return;
    }
    fork(1);
    deque.ask();
    fork(2);
  }
  void after() { require_all_ran(2); }
};
TEST(model_split_deque, a_thief_takes_the_job_that_is_there_now) {
  model::expect_clean<published_twice>({.limits = {.preemptions = 3}});
}

// Answers come while a thief holds its mark.
struct answered_under_a_mark : owner_and_thieves<> {
  static constexpr int threads = 3;
  answered_under_a_mark() { deque.answer(false); }
  void thread(int i) {
    if (i == 1) {
      force(i);
    } else if (i == 2) {
      deque.ask();
      steal(i);
    } else {
      fork(1, [this] { fork(2); });
    }
  }
  void after() { require_all_ran(2); }
};
TEST(model_split_deque, an_answer_may_take_a_mark_away) {
  model::expect_clean<answered_under_a_mark>({.limits = {.preemptions = 2}});
}

struct two_robbers : owner_and_thieves<> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i > 0) return rob(i);
    fork(1, [this] { fork(2); });
  }
  void after() { require_all_ran(2); }
};
TEST(model_split_deque, two_thieves_steal_and_force) {
  model::expect_clean<two_robbers>({.limits = {.preemptions = 2}});
}

// A fork after a stolen one: places and latches are used again.
struct again_after_a_theft : owner_and_thieves<> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i > 0) return rob(i);
    fork(1);
    fork(2);
  }
  void after() { require_all_ran(2); }
};
TEST(model_split_deque, a_place_may_be_stolen_from_again) {
  model::expect_clean<again_after_a_theft>({.limits = {.preemptions = 2}});
}

// Room for one: what does not fit runs at once.
struct full_deque : owner_and_thieves<model::atomics, 1> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i == 1) return rob(i);
    fork(1, [this] { fork(2); });
  }
  void after() { require_all_ran(2); }
};
TEST(model_split_deque, what_does_not_fit_runs_in_place) {
  model::expect_clean<full_deque>({.limits = {.preemptions = 3}});
}

// What the models above rely on does happen in some schedule: a search that never gets there would
// be clean for nothing.
struct forced_with_success : forced {
  void thread(int i) {
    if (i == 0) return forced::thread(i);
    require(!force(i), "got there");
  }
};
struct taken_back_from_a_mark : forced {
  void thread(int i) {
    if (i == 1) {
      force(i);
      return;
    }
    forks::half& right = begin(1);
    deque.push(&right);
    const bool mine = deque.pop();
    require(mine || !deque.reclaim(), "got there");
    if (!mine) deque.done(deque.newest()).wait();
  }
  void after() {}
};
struct stolen_after_a_force : forced_in_bulk {
  void thread(int i) {
    if (i == 0) return forced_in_bulk::thread(i);
    if (force(i)) require(!steal(i), "got there");
  }
};
TEST(model_split_deque, the_searches_reach_all_ways_a_forced_take_can_end) {
  model::expect_found<forced_with_success>("got there", {.limits = {.preemptions = 3}});
  model::expect_found<taken_back_from_a_mark>("got there", {.limits = {.preemptions = 3}});
  model::expect_found<stolen_after_a_force>("got there", {.limits = {.preemptions = 3}});
}

/// A machine without membarrier: the heavy fence is the caller's own.
struct atomics_without_heavy : model::atomics {
  static void heavy_fence() noexcept { fence(std::memory_order_seq_cst); }
};
struct without_heavy_fence : owner_and_thieves<atomics_without_heavy> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i > 0) {
      steal(i);
      return;
    }
    fork(1, [this] { fork(2); });
  }
  void after() { require_all_ran(2); }
};
TEST(model_split_deque, without_a_heavy_fence_all_is_public) {
  model::expect_clean<without_heavy_fence>({.limits = {.preemptions = 2}});
}

}  // namespace
