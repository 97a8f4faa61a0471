#include "sched/blocking_policy.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using filch::detail::blocking_orders;
using filch::detail::blocking_state;
using filch::detail::blocking_view;
namespace policy = filch::detail::blocking_policy;

/// A pool of 4 workers that is held up, at a time.
blocking_view held_up(std::chrono::nanoseconds now = 0ns) {
  blocking_view v;
  v.now = now;
  v.width = 4;
  v.most = 260;
  v.backlog = true;
  return v;
}

TEST(blocking_policy, counts_all_that_are_blocked_at_once) {
  blocking_state state;
  auto v = held_up();
  v.newly_blocked = 3;
  v.running = 4;
  const auto orders = policy::plan(state, v);
  EXPECT_EQ(orders.count, 3U);
  EXPECT_EQ(orders.allowance, 0U);
  EXPECT_EQ(orders.pause, policy::tick);
}

TEST(blocking_policy, the_allowance_doubles_while_fewer_compute_than_there_are_workers) {
  blocking_state state;
  auto v = held_up();
  v.newly_blocked = 4;
  EXPECT_EQ(policy::plan(state, v).allowance, 8U);
  EXPECT_EQ(policy::plan(state, v).allowance, 16U);
  v.newly_blocked = 0;  // those that have begun since are too young to be seen
  EXPECT_EQ(policy::plan(state, v).allowance, 16U);
  v.newly_blocked = 12;
  v.running = 3;
  EXPECT_EQ(policy::plan(state, v).allowance, 32U);
}

TEST(blocking_policy, the_allowance_is_no_more_than_the_pool_may_have) {
  blocking_state state;
  auto v = held_up();
  v.newly_blocked = 4;
  v.most = 10;
  policy::plan(state, v);
  EXPECT_EQ(policy::plan(state, v).allowance, 10U);
}

TEST(blocking_policy, as_many_threads_that_compute_as_workers_end_the_allowance) {
  blocking_state state;
  auto v = held_up();
  v.newly_blocked = 4;
  policy::plan(state, v);
  v.running = 4;
  const auto orders = policy::plan(state, v);
  EXPECT_EQ(orders.allowance, 0U);
  EXPECT_EQ(orders.count, 4U);
}

TEST(blocking_policy, nothing_is_allowed_where_nothing_waits) {
  blocking_state state;
  auto v = held_up();
  v.newly_blocked = 4;
  policy::plan(state, v);
  v.backlog = false;
  const auto orders = policy::plan(state, v);
  EXPECT_EQ(orders.allowance, 0U);
  EXPECT_EQ(orders.count, 0U);
}

TEST(blocking_policy, nothing_is_counted_while_the_processors_are_busy) {
  blocking_state state;
  auto v = held_up();
  v.newly_blocked = 2;
  v.newly_in_locks = 2;
  v.load = 0.97;
  const auto orders = policy::plan(state, v);
  EXPECT_EQ(orders.count, 0U);
  EXPECT_EQ(orders.count_in_locks, 0U);
  EXPECT_EQ(orders.allowance, 0U);
}

TEST(blocking_policy, threads_in_locks_are_counted_slowly) {
  blocking_state state;
  auto v = held_up(1s);
  v.newly_in_locks = 100;
  EXPECT_EQ(policy::plan(state, v).count_in_locks, 4U);  // as many as there are workers
  v.counted_in_locks = 4;
  v.now = 1s + 9ms;
  EXPECT_EQ(policy::plan(state, v).count_in_locks, 0U);
  v.now = 1s + 10ms;
  EXPECT_EQ(policy::plan(state, v).count_in_locks, 1U);
  v.counted_in_locks = 8;
  v.now = 1s + 40ms;
  EXPECT_EQ(policy::plan(state, v).count_in_locks, 0U);
  v.now = 1s + 66ms;
  EXPECT_EQ(policy::plan(state, v).count_in_locks, 1U);
  EXPECT_EQ(state.allowance, 0U);
}

TEST(blocking_policy, a_thread_that_computes_begins_the_time_in_locks_anew) {
  blocking_state state;
  auto v = held_up(1s);
  v.newly_in_locks = 100;
  policy::plan(state, v);
  v.now = 2s;
  v.running = 1;
  EXPECT_EQ(policy::plan(state, v).count_in_locks, 4U);
  v.now = 3s;
  v.running = 0;
  EXPECT_EQ(policy::plan(state, v).count_in_locks, 4U);
}

TEST(blocking_policy, looks_become_rare_where_nothing_happens) {
  blocking_state state;
  auto v = held_up();
  v.running = 4;
  std::chrono::nanoseconds last = 0ns;
  for (int i = 0; i < 100; ++i) {
    const auto pause = policy::plan(state, v).pause;
    EXPECT_GE(pause, last);
    last = pause;
  }
  EXPECT_EQ(last, policy::longest_pause);
  v.newly_blocked = 1;
  EXPECT_EQ(policy::plan(state, v).pause, policy::tick);
}

TEST(blocking_policy, a_suspicion_is_worth_one_early_look) {
  blocking_state state;
  auto v = held_up();
  v.running = 4;
  for (int i = 0; i < 100; ++i) policy::plan(state, v);
  v.suspects = 1;
  EXPECT_EQ(policy::plan(state, v).pause, policy::tick);
  EXPECT_EQ(policy::plan(state, v).pause, policy::longest_pause);
  EXPECT_EQ(policy::plan(state, v).pause, policy::tick);
}

TEST(blocking_policy, nobody_looks_for_long_where_nothing_waits) {
  blocking_state state;
  auto v = held_up();
  v.backlog = false;
  unsigned looks = 0;
  while (policy::plan(state, v).pause > 0ns) ASSERT_LT(++looks, 100U);
  EXPECT_EQ(looks, policy::patient_looks);
}

}  // namespace
