#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/ranges.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::gate;

FILCH_CONFORMANCE(race);

/// A contender that ends only when it is told to stop, and then as a cancelled one.
int until_stopped() {
  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
  filch::this_job::check();
  return -1;
}

int fails(int x) { throw std::runtime_error("contender " + std::to_string(x)); }

const std::vector<int> three{0, 1, 2};

// ---- who wins ---------------------------------------------------------------------------------

TEST_P(race, gives_the_value_the_index_and_the_time_of_the_first_success) {
  auto pool = make_pool();
  const auto won = pool.race(
      [](int x) {
        if (x != 1) return until_stopped();
        std::this_thread::sleep_for(2ms);
        return 41 + x;
      },
      three);
  EXPECT_EQ(won.value, 42);
  EXPECT_EQ(won.index, 1U);
  EXPECT_GE(won.elapsed, 2ms);
}

TEST_P(race, ten_contenders_run_at_once_on_a_pool_of_one) {
  auto pool = make_pool_of(1);
  std::latch all_here(10);
  const auto won = pool.race(
      [&](int x) {
        all_here.arrive_and_wait();
        return x == 7 ? x : until_stopped();
      },
      filch::range(0, 10));
  EXPECT_EQ(won.value, 7);
  EXPECT_EQ(won.index, 7U);
}

TEST_P(race, a_hundred_that_hang_do_not_keep_the_next_from_winning) {
  auto pool = make_pool_of(1, {.max_threads = 2});
  const auto won =
      pool.race([](int x) { return x < 100 ? until_stopped() : x; }, filch::range(0, 101));
  EXPECT_EQ(won.index, 100U);
}

TEST_P(race, two_contenders_can_meet_inside_a_job_of_a_pool_of_one) {
  auto pool = make_pool_of(1);
  auto job = pool.submit([&] {
    std::latch both(2);
    const auto meet = [&](int x) {
      both.arrive_and_wait();
      return x;
    };
    return pool.race(meet, std::array{5, 5}).value;
  });
  EXPECT_EQ(job.get(), 5);
}

TEST_P(race, contenders_run_as_io_jobs_with_the_name_of_the_call) {
  auto pool = make_pool();
  const auto won = pool.with({.name = "mirrors"}).race_of([] {
    return std::pair(filch::this_job::lane(), std::string(filch::this_job::name()));
  });
  EXPECT_EQ(won.value.first, filch::lane::io);
  EXPECT_EQ(won.value.second, "mirrors");
}

TEST_P(race, contender_may_use_the_pool_it_races_on) {
  auto pool = make_pool_of(1);
  const auto won = pool.race([&](int x) { return pool.submit([x] { return x * x; }).get(); },
                             std::array{6, 6, 6, 6});
  EXPECT_EQ(won.value, 36);
}

TEST_P(race, many_ties_have_one_winner_each_and_lose_no_value) {
  auto pool = make_pool();
  const filch_test::no_leaks check;
  for (int k = 0; k < 200; ++k) {
    const auto won = pool.race([](int x) { return filch_test::counted(x + 10); }, three);
    ASSERT_EQ(won.value.value, static_cast<int>(won.index) + 10);
  }
  EXPECT_EQ(pool.stats().suppressed, 0U);
}

TEST_P(race, winner_is_never_lost_to_a_deadline_that_comes_at_the_same_time) {
  auto pool = make_pool();
  int won = 0;
  int late = 0;
  for (int k = 0; k < 100; ++k) {
    std::atomic<int> returned{0};
    try {
      pool.race(
          [&](int) {
            const auto until = std::chrono::steady_clock::now() + 300us;
            while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
            return ++returned;
          },
          std::array{1}, {.deadline = 300us});
      ++won;
    } catch (const filch::timed_out&) {
      ++late;
    }
    ASSERT_LE(returned, 1);
  }
  EXPECT_EQ(won + late, 100);
}

// ---- errors -----------------------------------------------------------------------------------

TEST_P(race, an_error_is_a_loser_and_counted_as_suppressed) {
  auto pool = make_pool();
  std::latch all_run(3);
  const auto won = pool.race(
      [&](int x) {
        all_run.arrive_and_wait();
        return x == 2 ? x : fails(x);
      },
      three);
  EXPECT_EQ(won.value, 2);
  EXPECT_EQ(pool.stats().suppressed, 2U);
}

TEST_P(race, without_a_winner_every_error_is_thrown_in_argument_order) {
  auto pool = make_pool();
  std::array<gate, 3> turn;
  turn[2].open();
  try {
    pool.race(
        [&](int x) {
          const auto i = static_cast<std::size_t>(x);
          turn[i].wait();
          if (x > 0) turn[i - 1].open();  // the last one fails first
          return fails(x);
        },
        three);
    FAIL() << "somebody won";
  } catch (const filch::race_failed& failure) {
    ASSERT_EQ(failure.errors().size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(failure.errors()[i].index, i);
      EXPECT_EQ(filch::describe(failure.errors()[i].error), "contender " + std::to_string(i));
    }
  }
  EXPECT_EQ(pool.stats().suppressed, 0U) << "all of them were thrown";
}

TEST_P(race, empty_range_is_an_invalid_argument) {
  auto pool = make_pool();
  EXPECT_THROW(pool.race(fails, std::vector<int>()), std::invalid_argument);
  EXPECT_THROW(pool.race_completed(fails, std::vector<int>()), std::invalid_argument);
  EXPECT_THROW(pool.first_n(1, fails, std::vector<int>()), std::invalid_argument);
}

TEST_P(race, on_a_closed_pool_is_refused) {
  auto pool = make_pool();
  pool.close();
  EXPECT_THROW(pool.race(fails, three), filch::pool_closed);
}

TEST_P(race, a_value_that_cannot_be_stored_is_a_loser) {
  auto pool = make_pool();
  const filch_test::no_leaks check;
  const filch_test::fail_moves_after none(0);
  try {
    pool.race([](int) { return filch_test::throwing_move(1); }, std::array{1});
    FAIL() << "the value was moved";
  } catch (const filch::race_failed& failure) {
    EXPECT_THROW(std::rethrow_exception(failure.errors()[0].error), filch_test::copy_failed);
  }
}

// ---- accept, deadline, stop -------------------------------------------------------------------

TEST_P(race, a_value_that_is_not_accepted_loses) {
  auto pool = make_pool();
  gate refused;
  const auto won = pool.race(
      [&](int x) {
        if (x == 0) return 500;
        refused.wait();
        return 200;
      },
      std::array{0, 1}, {.accept = [&](const int& status) {
        if (status == 500) refused.open();
        return status == 200;
      }});
  EXPECT_EQ(won.index, 1U);
  EXPECT_EQ(pool.stats().suppressed, 1U);
}

TEST_P(race, without_an_accepted_value_every_error_says_rejected) {
  auto pool = make_pool();
  try {
    pool.race([](int x) { return x; }, three, {.accept = [](int) { return false; }});
    FAIL() << "somebody won";
  } catch (const filch::race_failed& failure) {
    ASSERT_EQ(failure.errors().size(), 3U);
    for (const auto& one : failure.errors()) {
      EXPECT_THROW(std::rethrow_exception(one.error), filch::rejected);
    }
  }
}

TEST_P(race, what_accept_throws_is_the_contenders_error) {
  auto pool = make_pool();
  try {
    pool.race([](int x) { return x; }, std::array{1},
              {.accept = [](int) -> bool { throw std::logic_error("cannot judge"); }});
    FAIL() << "somebody won";
  } catch (const filch::race_failed& failure) {
    EXPECT_EQ(filch::describe(failure.errors()[0].error), "cannot judge");
  }
}

TEST_P(race, deadline_stops_the_contenders_and_tells_the_errors_so_far) {
  auto pool = make_pool();
  std::atomic<int> stopped{0};
  const auto contend = [&](int x) {
    if (x == 1) return fails(x);
    while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
    ++stopped;
    return filch::this_job::check(), x;
  };
  try {
    pool.race(contend, three, {.deadline = 50ms});
    FAIL() << "somebody won";
  } catch (const filch::timed_out& late) {
    EXPECT_NE(std::string(late.what()).find("1 of 3: at index 1: contender 1"), std::string::npos)
        << late.what();
  }
  EXPECT_EQ(stopped, 2);
}

TEST_P(race, timeout_of_the_view_is_its_deadline) {
  auto pool = make_pool();
  EXPECT_THROW(pool.with({.timeout = 5ms}).race_of(until_stopped), filch::timed_out);
}

TEST_P(race, the_longest_deadline_means_never) {
  auto pool = make_pool();
  EXPECT_EQ(pool.race([](int x) { return x; }, std::array{3},
                      {.deadline = std::chrono::nanoseconds::max()})
                .value,
            3);
}

TEST_P(race, stop_token_of_the_options_cancels_it) {
  auto pool = make_pool();
  std::stop_source stop;
  const auto contend = [&](int x) {
    if (x == 2) stop.request_stop();
    return until_stopped();
  };
  EXPECT_THROW(pool.race(contend, three, {.stop = stop.get_token()}), filch::cancelled);
  EXPECT_THROW(pool.race(contend, three, {.stop = stop.get_token()}), filch::cancelled)
      << "stopped before it began";
}

TEST_P(race, stop_token_of_the_view_cancels_it) {
  auto pool = make_pool();
  std::stop_source stop;
  EXPECT_THROW(pool.with({.stop = stop.get_token()}).race_of([&] {
    stop.request_stop();
    return until_stopped();
  }),
               filch::cancelled);
}

TEST_P(race, cancelling_the_job_it_runs_in_cancels_it) {
  auto pool = make_pool();
  gate started;
  std::atomic<bool> was_cancelled{false};
  auto job = pool.with(filch::on_io).submit([&] {
    try {
      pool.race_of([&] {
        started.open();
        return until_stopped();
      });
    } catch (const filch::cancelled&) {
      was_cancelled = true;
    }
  });
  started.wait();
  EXPECT_FALSE(job.cancel()) << "it runs already";
  job.wait();
  EXPECT_TRUE(was_cancelled);
}

// ---- nesting ----------------------------------------------------------------------------------

TEST_P(race, stop_of_the_outer_race_reaches_the_contenders_of_the_inner_one) {
  auto pool = make_pool();
  gate inner_runs;
  std::atomic<int> inner_stopped{0};
  const auto won = pool.race(
      [&](int x) {
        if (x == 1) {
          inner_runs.wait();
          return x;
        }
        return pool
            .race(
                [&](int) {
                  inner_runs.open();
                  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
                  ++inner_stopped;
                  return filch::this_job::check(), 0;
                },
                std::array{0, 0})
            .value;
      },
      std::array{0, 1});
  EXPECT_EQ(won.value, 1);
  EXPECT_GE(inner_stopped, 1) << "one may not have been started";
  EXPECT_EQ(pool.stats().suppressed, 0U) << "cancelled losers are not errors";
}

TEST_P(race, inner_races_that_fail_are_errors_of_the_outer_one) {
  auto pool = make_pool();
  try {
    pool.race([&](int) { return pool.race(fails, three).value; }, three);
    FAIL() << "somebody won";
  } catch (const filch::race_failed& failure) {
    ASSERT_EQ(failure.errors().size(), 3U);
    EXPECT_THROW(std::rethrow_exception(failure.errors()[2].error), filch::race_failed);
  }
}

TEST_P(race, stop_of_an_inner_race_leaves_the_outer_one_alone) {
  auto pool = make_pool();
  const auto won = pool.race_of([&] {
    pool.race_of([] {}, [] { until_stopped(); });
    return filch::this_job::stop_requested();
  });
  EXPECT_FALSE(won.value);
}

}  // namespace
