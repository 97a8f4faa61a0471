// The count of accepted work of a pool (core/src/pool/gate.hpp): when it is drained, all was done.
#include <pool/gate.hpp>

#include <gtest/gtest.h>

#include <optional>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::checked;
using model::require;

/// Each thread counts on a stripe of its own, but for the third.
struct by_thread {
  static unsigned number() { return static_cast<unsigned>(model::the_machine.current_thread()); }
};

struct pool {
  filch::detail::basic_gate<model::atomics, by_thread, 2> gate;
  checked<int> results[2];
};

struct closing {
  static constexpr int threads = 3;
  std::optional<pool> here{std::in_place};
  bool entered[2] = {};
  void thread(int i) {
    if (i < 2) {
      // Who does not get in must not touch the pool afterwards; who is in keeps it.
      if (!here->gate.enter(false)) return;
      entered[i] = true;
      here->results[i].write(1);
      here->gate.leave();
      return;
    }
    here->gate.close();
    require(here->gate.is_closed(), "a closed gate looks open");
    here->gate.drained().wait();
    for (int k = 0; k < 2; ++k) {
      require(!entered[k] || here->results[k].read() == 1, "drained before the work was done");
    }
  }
};
TEST(model_gate, is_drained_when_all_who_got_in_are_out) {
  model::expect_clean<closing>({.limits = {.preemptions = 3, .oddities = 1}});
}

// A job lets another one in: that must be possible after close, as long as it is inside itself.
struct from_inside {
  static constexpr int threads = 3;
  std::optional<pool> here{std::in_place};
  model::atomic<int> spawned{0};
  from_inside() { here->gate.enter(false); }
  void thread(int i) {
    if (i == 0) {
      require(here->gate.enter(true), "work from inside was refused");
      spawned.store(1, std::memory_order_release);
      here->gate.leave();
    } else if (i == 1) {
      while (spawned.load(std::memory_order_acquire) == 0) model::the_machine.pause();
      here->results[0].write(1);
      here->gate.leave();
    } else {
      here->gate.close();
      require(!here->gate.enter(false), "a closed gate lets in");
      here->gate.drained().wait();
      require(here->results[0].read() == 1, "drained before the work was done");
      require(!here->gate.enter(false) && !here->gate.enter(true), "a drained gate lets in");
      here.reset();
    }
  }
};
TEST(model_gate, lets_work_of_work_in_until_it_is_drained) {
  model::expect_clean<from_inside>({.limits = {.preemptions = 3, .oddities = 1}});
}

// Whoever finds zero says so, and nobody else: the pool may be gone right after.
struct closed_twice {
  static constexpr int threads = 2;
  std::optional<pool> here{std::in_place};
  closed_twice() { here->gate.enter(false); }
  void thread(int i) {
    if (i == 0) {
      here->results[0].write(1);
      here->gate.leave();
      return;
    }
    here->gate.close();
    here->gate.close();
    here->gate.drained().wait();
    require(here->results[0].read() == 1, "drained before the work was done");
    here.reset();
  }
};
TEST(model_gate, can_be_closed_again_while_the_last_one_leaves) {
  model::expect_clean<closed_twice>({.limits = {.preemptions = 3, .oddities = 1}});
}

// Two close at once, each a part of it.
struct closed_by_two {
  static constexpr int threads = 3;
  std::optional<pool> here{std::in_place};
  closed_by_two() { here->gate.enter(false); }
  void thread(int i) {
    if (i == 0) {
      here->results[0].write(1);
      here->gate.leave();
    } else {
      here->gate.close();
      require(!here->gate.enter(false), "a closed gate lets in");
      here->gate.drained().wait();
      require(here->results[0].read() == 1, "drained before the work was done");
    }
  }
};
TEST(model_gate, can_be_closed_by_two_at_once) {
  model::expect_clean<closed_by_two>({.limits = {.preemptions = 2, .oddities = 1}, .widest = 2});
}

}  // namespace
