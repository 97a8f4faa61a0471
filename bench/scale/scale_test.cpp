#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scale/run_workload.hpp"

namespace filch::bench::scale {
namespace {

using testing::DoubleNear;
using testing::Gt;
using testing::Lt;

costs known() { return read_costs(FILCH_SCALE_COSTS); }

/// Each workload, so small that the tests take seconds.
const task small[] = {{"fib", 24, 1, 1, 1},
                      {"uts", 1, 1, 1, 1},
                      {"nqueens", 9, 1, 1, 1},
                      {"cilksort", 200'000, 1, 1, 1}};

TEST(scale, one_worker_takes_the_serial_time_and_its_forks) {
  const costs c = known();
  for (const task& t : small) {
    const auto o = run_workload(t, c, {});
    const double sum = o.serial_ns + static_cast<double>(o.forks) * c.fork + 2 * c.wake_latency;
    // The rest: getting up, finding the call, the first answer, and the two exchanges that take
    // what it made public back.
    EXPECT_THAT(o.ns - sum, DoubleNear(0, 2 * c.wake_call + 10'000)) << t.workload;
    EXPECT_EQ(o.counts.stolen, 0U);
    EXPECT_EQ(o.barriers, 0U);
  }
}

// run_workload checks the workload's own answer: the number, the nodes, the order of the numbers.
TEST(scale, no_half_is_lost_or_done_twice_whatever_the_number_of_workers) {
  for (task t : small) {
    const auto alone = run_workload(t, known(), {});
    for (const unsigned workers : {2U, 3U, 16U, 64U}) {
      if (t.workload == "uts" && workers != 16) continue;  // no published tree is small
      t.workers = workers;
      t.sockets = workers > 3 ? 2 : 1;
      const auto o = run_workload(t, known(), {});
      EXPECT_EQ(o.forks, alone.forks) << t.workload << " on " << workers;
      EXPECT_NEAR(o.serial_ns, alone.serial_ns, 1e-6 * alone.serial_ns) << t.workload;
      EXPECT_THAT(o.ns * workers, Gt(o.serial_ns)) << t.workload;
    }
  }
}

TEST(scale, the_same_seed_gives_the_same_run_and_another_one_another) {
  const task t{"nqueens", 9, 8, 2, 5};
  const auto first = run_workload(t, known(), {});
  const auto again = run_workload(t, known(), {});
  EXPECT_EQ(first.ns, again.ns);
  EXPECT_EQ(first.counts.stolen, again.counts.stolen);
  EXPECT_EQ(first.events, again.events);
  task other = t;
  other.seed = 6;
  EXPECT_NE(run_workload(other, known(), {}).ns, first.ns);
}

TEST(scale, a_coarse_half_is_taken_by_force) {
  // One call of a second in the left branch of each fork: nobody answers.
  costs c = known();
  c.fib_call = 1e9;
  const auto o = run_workload({"fib", 2, 2, 1, 1}, c, {});
  EXPECT_THAT(o.ns, Lt(2.1e9));
  EXPECT_THAT(o.counts.stolen, Gt(0U));
}

TEST(scale, each_policy_that_is_switched_back_makes_another_run) {
  const task t{"nqueens", 11, 32, 2, 1};
  const auto usual = run_workload(t, known(), {});
  for (bool policy::* one : {&policy::leave_to_searchers, &policy::look_first,
                             &policy::questions_stand, &policy::count_called, &policy::leave_fresh,
                             &policy::near_first, &policy::random_stride, &policy::home_apart}) {
    policy p;
    p.*one = !(p.*one);
    EXPECT_NE(run_workload(t, known(), p).ns, usual.ns);
  }
  for (unsigned policy::* one : {&policy::visits_a_look, &policy::roam, &policy::search_share}) {
    policy p;
    p.*one = 3;
    EXPECT_NE(run_workload(t, known(), p).ns, usual.ns);
  }
}

TEST(scale, barriers_are_spared_where_searchers_or_standing_questions_make_them_needless) {
  const task t{"nqueens", 10, 32, 1, 1};
  policy before;
  before.leave_to_searchers = before.look_first = before.questions_stand = false;
  const auto many = run_workload(t, known(), before).barriers;
  EXPECT_THAT(run_workload(t, known(), {}).barriers, Lt(many / 4));
}

TEST(scale, near_victims_first_means_fewer_halves_from_the_other_socket) {
  const task t{"nqueens", 10, 16, 2, 1};
  policy any;
  any.near_first = false;
  const auto mixed = run_workload(t, known(), any).counts;
  policy first;
  first.roam = 0;  // in each sweep
  const auto near = run_workload(t, known(), first).counts;
  EXPECT_THAT(2 * near.stolen_far * mixed.stolen, Lt(mixed.stolen_far * near.stolen));
}

TEST(scale, on_one_complex_all_victims_are_near) {
  task t{"nqueens", 9, 8, 1, 1};
  policy any;
  any.near_first = false;
  EXPECT_EQ(run_workload(t, known(), {}).ns, run_workload(t, known(), any).ns);
  t.complexes = 2;
  EXPECT_NE(run_workload(t, known(), {}).ns, run_workload(t, known(), any).ns);
}

TEST(scale, dear_lines_make_a_run_longer) {
  costs c = known();
  const task t{"fib", 20, 16, 1, 1};
  const auto usual = run_workload(t, c, {});
  c.line *= 10;
  EXPECT_THAT(run_workload(t, c, {}).ns, Gt(usual.ns));
}

TEST(scale, numbers_out_of_range_are_refused) {
  EXPECT_THROW(run_workload({"fib", 5, 0, 1, 1}, known(), {}), std::invalid_argument);
  EXPECT_THROW(run_workload({"fib", 5, 2, 3, 1}, known(), {}), std::invalid_argument);
  EXPECT_THROW(run_workload({"fib", 5, 2, 1, 1, 3}, known(), {}), std::invalid_argument);
  EXPECT_THROW(run_workload({"tak", 5, 2, 1, 1}, known(), {}), std::invalid_argument);
}

}  // namespace
}  // namespace filch::bench::scale
