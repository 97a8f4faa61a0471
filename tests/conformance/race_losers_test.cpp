#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

// What becomes of those that did not win, and of all that they used.

namespace {

using namespace std::chrono_literals;
using filch::losers;
using filch_test::counted;
using filch_test::eventually;
using filch_test::gate;
using filch_test::ledger;
using filch_test::no_leaks;

FILCH_CONFORMANCE(race_losers);

void wait_for_stop() {
  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
}

// ---- join -------------------------------------------------------------------------------------

TEST_P(race_losers, have_ended_when_a_race_that_joins_returns) {
  auto pool = make_pool();
  std::latch all_run(4);
  std::vector<int> ended(4, 0);  // plain, on this frame
  const auto won = pool.race(
      [&](int x) {
        all_run.arrive_and_wait();
        if (x == 2) return x;
        wait_for_stop();
        std::this_thread::sleep_for(5ms);
        ended[static_cast<std::size_t>(x)] = 1;
        return x;
      },
      std::array{0, 1, 2, 3});
  EXPECT_EQ(won.value, 2);
  EXPECT_EQ(ended, (std::vector<int>{1, 1, 0, 1}));
}

TEST_P(race_losers, ignoring_their_stop_are_joined_all_the_same) {
  auto pool = make_pool();
  gate both;
  int ended = 0;  // plain, on this frame
  pool.race_of([&] { both.wait(); },
               [&] {
                 both.open();
                 std::this_thread::sleep_for(30ms);
                 ended = 1;
               });
  EXPECT_EQ(ended, 1);
}

TEST_P(race_losers, get_their_stop_as_a_token_and_deep_down) {
  auto pool = make_pool();
  gate both_run;
  std::atomic<int> told{0};
  const auto by_token = [&](std::stop_token stop) {
    gate stopped;
    const std::stop_callback on_stop(stop, [&] { stopped.open(); });
    both_run.open();
    stopped.wait();
    ++told;
    return 1;
  };
  const auto won = pool.race_of(by_token, [&] {
    both_run.wait();
    return 2;
  });
  EXPECT_EQ(won.value, 2);
  EXPECT_EQ(told, 1);
}

TEST_P(race_losers, that_were_cancelled_are_no_errors) {
  auto pool = make_pool();
  for (int k = 0; k < 20; ++k) {
    pool.race_of([] {},
                 [] {
                   wait_for_stop();
                   filch::this_job::check();
                 });
  }
  EXPECT_EQ(pool.stats().suppressed, 0U);
}

TEST_P(race_losers, that_fail_after_the_decision_are_counted) {
  auto pool = make_pool();
  gate runs;
  pool.race_of([&] { runs.wait(); },
               [&] {
                 runs.open();
                 wait_for_stop();
                 throw std::runtime_error("late");
               });
  EXPECT_EQ(pool.stats().suppressed, 1U);
}

/// Knows on which thread it was made, and notes if it dies on another one.
class homebody {
 public:
  explicit homebody(std::atomic<int>* strays) : strays_(strays) {}
  homebody(homebody&& other) noexcept
      : strays_(std::exchange(other.strays_, nullptr)), home_(other.home_) {}
  homebody& operator=(homebody&&) = delete;
  ~homebody() {
    if (strays_ && home_ != std::this_thread::get_id()) ++*strays_;
  }

 private:
  std::atomic<int>* strays_;
  std::thread::id home_ = std::this_thread::get_id();
};

TEST_P(race_losers, late_values_are_destroyed_on_their_own_threads) {
  auto pool = make_pool();
  for (const auto after : {losers::join, losers::abandon, losers::join_for(1s)}) {
    std::atomic<int> strays{0};
    std::atomic<int> late{0};
    gate all_run;
    {
      const auto won = pool.race(
          [&strays, &late, &all_run](int x) {
            if (x == 0) {
              all_run.wait();
            } else {
              all_run.open();
              wait_for_stop();
              ++late;
            }
            return homebody(&strays);
          },
          std::array{0, 1}, {.losers = after});
      EXPECT_EQ(won.index, 0U);
      strays = -1;  // the winner's dies here, where it was given
    }
    EXPECT_TRUE(eventually([&] { return late == 1; }));
    if (after.what() != losers::kind::abandon) {
      EXPECT_EQ(strays, 0);
    }
  }
}

// ---- what is left ------------------------------------------------------------------------------

TEST_P(race_losers, leave_nothing_alive_when_they_were_joined) {
  auto pool = make_pool();
  const auto refuse = [held = counted(2)](const counted&) { return false; };
  const auto before = ledger::global().live.load();
  const auto race = [&](auto f, filch::race_options<counted> options) {
    try {
      pool.race([&f, held = counted(1)](int x) { return f(x); }, std::array{0, 1, 2},
                std::move(options));
    } catch (const filch::error&) {
      // only what is left counts
    }
    EXPECT_EQ(ledger::global().live.load(), before);
  };
  const auto wins = [](int x) { return counted(x); };
  const auto fails = [](int x) -> counted { throw counted(x); };
  const auto hangs = [](int x) {
    wait_for_stop();
    return counted(x);
  };
  for (const auto after : {losers::join, losers::join_for(1h)}) {
    race(wins, {.losers = after});
    race(fails, {.losers = after});
    race(hangs, {.deadline = 2ms, .losers = after});
    race(wins, {.accept = refuse, .losers = after});
    race(fails, {.losers = after, .stagger = 1h});
    race(wins, {.deadline = 1h, .losers = after, .stagger = 1h});
  }
}

TEST_P(race_losers, leave_nothing_alive_in_the_end_when_they_were_abandoned) {
  auto pool = make_pool();
  const no_leaks check;
  const counted held(1);
  const std::vector<counted> xs(3, held);
  const auto race = [&](auto f, filch::race_options<counted> options) {
    options.losers = losers::abandon;
    try {
      pool.race([f, held](const counted& x) { return f(x.value); }, xs, std::move(options));
    } catch (const filch::error&) {
      // only what is left counts
    }
    // The timers of a race end with it: were one left, it would keep the race for an hour.
    EXPECT_TRUE(eventually([] { return ledger::global().live == 4; }));
  };
  race([](int x) { return counted(x); }, {});
  race([](int x) -> counted { throw counted(x); }, {});
  race([](int x) { return wait_for_stop(), counted(x); }, {.deadline = 2ms});
  race([](int x) { return counted(x); }, {.deadline = 1h, .stagger = 1h});
  race([](int x) -> counted { throw counted(x); }, {.deadline = 1h, .stagger = 1h});
}

TEST_P(race_losers, a_thousand_races_leave_no_threads_behind) {
  auto pool = make_pool();
  for (int k = 0; k < 1000; ++k) pool.race([](int x) { return x; }, std::array{1, 2, 3});
  // A loser's thread may be on its way home while the next race starts, so a few more than three.
  EXPECT_LE(pool.stats().io_threads, 24U);
}

}  // namespace
