// Latches and countdowns (core/include/filch/detail/latch.hpp): they live in frames that end as
// soon as their waiters know.
#include <filch/detail/latch.hpp>

#include <gtest/gtest.h>

#include <new>
#include <optional>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::atomics;
using model::checked;
using model::require;
using latch = filch::detail::basic_latch<atomics>;
using countdown = filch::detail::basic_countdown<atomics>;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto release = std::memory_order_release;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto seq_cst = std::memory_order_seq_cst;

struct frame {
  latch done;
  checked<int> result;
};

struct one_frame {
  static constexpr int threads = 2;
  std::optional<frame> job{std::in_place};
  void thread(int i) {
    if (i == 1) {
      job->result.write(7);
      job->done.set();
      return;
    }
    job->done.wait();
    require(job->result.read() == 7, "the latch is set and the result is not there");
    job.reset();
  }
};
TEST(model_latch, a_waiter_sees_the_result_and_may_end_the_frame_at_once) {
  model::expect_clean<one_frame>({.limits = {.preemptions = 4, .oddities = 2}});
}

// The second frame stands where the first one stood: a late wake-up of the first must be harmless.
struct reused_frame {
  static constexpr int threads = 3;
  std::optional<frame> job{std::in_place};
  atomic<frame*> second{nullptr};
  void thread(int i) {
    if (i == 1) {
      job->done.set();
    } else if (i == 2) {
      if (auto* next = second.load(acquire)) {
        next->result.write(8);
        next->done.set();
      }
    } else {
      job->done.wait();
      job.reset();
      job.emplace();
      second.store(&*job, release);
      if (!job->done.is_set()) return;
      require(job->result.read() == 8, "a latch opened by somebody else");
    }
  }
};
TEST(model_latch, a_late_wake_up_does_not_disturb_the_next_frame) {
  model::expect_clean<reused_frame>({.limits = {.preemptions = 3}});
}

struct polling {
  static constexpr int threads = 2;
  std::optional<frame> job{std::in_place};
  void thread(int i) {
    if (i == 1) {
      job->result.write(7);
      job->done.set();
    } else if (job->done.is_set()) {
      require(job->result.read() == 7, "the latch is set and the result is not there");
      job.reset();
    }
  }
};
TEST(model_latch, is_set_shows_the_result) {
  model::expect_clean<polling>({.limits = {.preemptions = 4}});
}

struct two_waiters {
  static constexpr int threads = 3;
  frame job;
  void thread(int i) {
    if (i == 2) {
      job.result.write(7);
      job.done.set();
      return;
    }
    job.done.wait();
    require(job.result.read() == 7, "the latch is set and the result is not there");
  }
};
TEST(model_latch, wakes_all_who_wait) {
  model::expect_clean<two_waiters>({.limits = {.preemptions = 3, .oddities = 1}});
}

// A waiter that may have something else to do: a passed-on job, announced by a nudge. Both sides
// write, cross a fence, and look, as the scheduler's wake and wait do.
struct nudged {
  static constexpr int threads = 3;
  latch done;
  atomic<int> passed_on{0};
  int ran = 0;
  void thread(int i) {
    if (i == 1) {
      passed_on.store(1, relaxed);
      atomics::fence(seq_cst);
      done.nudge();
    } else if (i == 2) {
      while (passed_on.load(relaxed) != 2) model::the_machine.pause();
      done.set();
    } else {
      while (const auto key = done.prepare()) {
        atomics::fence(seq_cst);
        if (passed_on.load(relaxed) == 1) {
          ++ran;
          passed_on.store(2, relaxed);
        } else {
          done.sleep(key);
        }
      }
      require(ran == 1, "the waiter did not do what it was nudged for");
    }
  }
};
TEST(model_latch, a_nudge_makes_a_sleeper_look_again) {
  model::expect_clean<nudged>({.limits = {.preemptions = 2, .oddities = 1}});
}

// A nudge right after another, and right before the set.
struct nudged_twice {
  static constexpr int threads = 3;
  frame job;
  void thread(int i) {
    if (i == 0) {
      job.done.wait();
      require(job.result.read() == 7, "the latch is set and the result is not there");
    } else if (i == 1) {
      job.result.write(7);
      job.done.nudge();
      job.done.set();
    } else {
      job.done.nudge();
    }
  }
};
TEST(model_latch, nudges_neither_open_nor_close_it) {
  model::expect_clean<nudged_twice>({.limits = {.preemptions = 3, .oddities = 1}});
}

struct group {
  countdown left{2};
  checked<int> first;
  checked<int> second;
};
struct counting_down {
  static constexpr int threads = 3;
  std::optional<group> jobs{std::in_place};
  void thread(int i) {
    if (i == 1) {
      jobs->first.write(1);
      jobs->left.arrive();
    } else if (i == 2) {
      jobs->second.write(2);
      jobs->left.arrive();
    } else {
      jobs->left.done().wait();
      require(jobs->first.read() == 1 && jobs->second.read() == 2, "an arrival is not visible");
      jobs.reset();
    }
  }
};
TEST(model_countdown, opens_at_the_last_arrival_and_shows_all_of_them) {
  model::expect_clean<counting_down>({.limits = {.preemptions = 3, .oddities = 1}});
}

// One job announces another before it arrives.
struct growing_countdown {
  static constexpr int threads = 3;
  countdown left{1};
  atomic<int> spawned{0};
  checked<int> result;
  void thread(int i) {
    if (i == 1) {
      left.expect(1);
      spawned.store(1, release);
      left.arrive();
    } else if (i == 2) {
      while (spawned.load(acquire) == 0) model::the_machine.pause();
      result.write(3);
      left.arrive();
    } else {
      left.done().wait();
      require(result.read() == 3, "opened before the announced arrival");
    }
  }
};
TEST(model_countdown, waits_for_arrivals_that_are_announced_later) {
  model::expect_clean<growing_countdown>({.limits = {.preemptions = 3}});
}

}  // namespace
