// The short lock (core/src/sync/short_lock.hpp): one at a time, each sees what the last one wrote,
// and nobody sleeps for a lock that is free.
#include <sync/short_lock.hpp>

#include <gtest/gtest.h>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::checked;
using model::require;

// A plain variable under the lock: the explorer reports any two accesses that are not ordered.
template <int Threads, int Turns, int Spins>
struct counted {
  static constexpr int threads = Threads;
  filch::detail::basic_short_lock<model::atomics, Spins> lock;
  checked<int> count{0};

  void thread(int) {
    for (int i = 0; i < Turns; ++i) {
      lock.lock();
      count.write(count.read() + 1);
      lock.unlock();
    }
  }
  void after() { require(count.read() == Threads * Turns, "two were inside at once"); }
};

TEST(model_short_lock, two_that_only_spin_briefly_are_kept_apart) {
  model::expect_clean<counted<2, 2, 1>>({.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_short_lock, two_that_sleep_at_once_are_kept_apart) {
  model::expect_clean<counted<2, 2, 0>>({.limits = {.preemptions = 4, .oddities = 1}});
}

TEST(model_short_lock, three_wake_each_other_until_all_are_through) {
  model::expect_clean<counted<3, 1, 0>>({.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_short_lock, three_that_spin_and_sleep_are_kept_apart) {
  model::expect_clean<counted<3, 1, 1>>({.limits = {.preemptions = 2, .oddities = 1}});
}

}  // namespace
