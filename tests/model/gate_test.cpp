// The count of accepted work of a pool (core/src/pool/gate.hpp): when it is drained, all was done.
#include <pool/gate.hpp>

#include <gtest/gtest.h>

#include <optional>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::checked;
using model::require;

struct pool {
  filch::detail::basic_gate<model::atomics> gate;
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

}  // namespace
