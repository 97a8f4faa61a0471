#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
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

/// A loser that pays no heed to its stop: it ends when the test says so.
struct stubborn {
  gate release;
  std::atomic<int> running{0};
  void stay() {
    ++running;
    release.wait();
    --running;
  }
  /// Returns when it runs.
  void await() {
    EXPECT_TRUE(eventually([this] { return running == 1; }));
  }
  bool let_go() {
    release.open();
    return eventually([this] { return running == 0; });
  }
};

// ---- join -------------------------------------------------------------------------------------

TEST_P(race_losers, have_ended_when_a_race_that_joins_returns) {
  auto pool = make_pool();
  std::vector<int> ended(4, 0);  // plain, on this frame
  const auto won = pool.race(
      [&](int x) {
        if (x == 2) return x;
        wait_for_stop();
        std::this_thread::sleep_for(5ms);
        ended[static_cast<std::size_t>(x)] = 1;
        return x;
      },
      std::array{0, 1, 2, 3});
  EXPECT_EQ(won.value, 2);
  // Those whose thread came too late were not called at all.
  EXPECT_EQ(ended[2], 0);
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

// ---- abandon, join_for ------------------------------------------------------------------------

TEST_P(race_losers, that_ignore_their_stop_do_not_hold_up_a_race_that_abandons) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  const auto contend = [other](int x) {
    if (x == 1) other->stay();
    if (x == 0) other->await();
    return x;
  };
  const auto won = pool.race(contend, std::array{0, 1}, {.losers = losers::abandon});
  EXPECT_EQ(won.value, 0);
  EXPECT_EQ(other->running, 1) << "it runs while the race has returned";
  EXPECT_TRUE(other->let_go());
}

TEST_P(race_losers, option_of_the_view_holds_where_the_race_says_nothing) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  const auto wins = [other] { other->await(); };
  pool.with({.losers = losers::abandon}).race_of(wins, [other] { other->stay(); });
  EXPECT_EQ(other->running, 1);
  EXPECT_TRUE(other->let_go());
}

TEST_P(race_losers, abandoned_at_the_deadline_still_run_when_it_is_thrown) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  EXPECT_THROW(pool.race([other](int x) { return other->stay(), x; }, std::array{1},
                         {.deadline = 50ms, .losers = losers::abandon}),
               filch::timed_out);
  EXPECT_TRUE(other->let_go());
}

TEST_P(race_losers, abandoned_do_not_hold_up_the_end_of_the_pool) {
  const auto other = std::make_shared<stubborn>();
  const no_leaks check;
  {
    auto pool = make_pool();
    const counted held(1);
    const auto contend = [other, held](const counted& x) {
      if (x.value == 1) other->stay();
      if (x.value == 0) other->await();
      return counted(x.value);
    };
    pool.race(contend, std::vector<counted>{counted(0), counted(1)}, {.losers = losers::abandon});
  }
  EXPECT_EQ(other->running, 1) << "the pool has ended and the loser has not";
  EXPECT_TRUE(other->let_go());
}

TEST_P(race_losers, abandoned_that_call_a_pool_that_has_ended_are_refused) {
  const auto other = std::make_shared<stubborn>();
  const auto refused = std::make_shared<std::atomic<int>>(0);
  {
    auto pool = make_pool();
    const auto wins = [other] { other->await(); };
    pool.with({.losers = losers::abandon}).race_of(wins, [other, refused, view = pool.with({})] {
      other->stay();
      try {
        view.race_of([] {});
      } catch (const filch::pool_closed&) {
        ++*refused;
      }
      try {
        filch::race_of([] {});  // the pool of this job
      } catch (const filch::pool_closed&) {
        ++*refused;
      }
    });
  }
  other->release.open();
  EXPECT_TRUE(eventually([&] { return *refused == 2; }));
}

TEST_P(race_losers, abandoned_are_asked_to_stop) {
  auto pool = make_pool();
  const auto told = std::make_shared<std::atomic<bool>>(false);
  const auto runs = std::make_shared<gate>();
  pool.with({.losers = losers::abandon})
      .race_of([runs] { runs->wait(); },
               [runs, told] {
                 runs->open();
                 wait_for_stop();
                 *told = true;
               });
  EXPECT_TRUE(eventually([&] { return told->load(); }));
}

TEST_P(race_losers, own_copies_of_the_callable_and_the_arguments_when_abandoned) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  const auto seen = std::make_shared<std::atomic<int>>(0);
  {
    std::vector<std::string> xs{"short", "a text too long to be kept within a string itself"};
    const auto contend = [other, seen](const std::string& x) {
      if (x == "short") {
        other->await();
      } else {
        other->stay();
        *seen = static_cast<int>(x.size());
      }
      return 0;
    };
    pool.race(contend, xs, {.losers = losers::abandon});
    xs[1] = "gone";
  }
  EXPECT_TRUE(other->let_go());
  EXPECT_TRUE(eventually([&] { return *seen == 49; }));
}

TEST_P(race_losers, that_end_in_time_are_joined_by_join_for) {
  auto pool = make_pool();
  const auto ended = std::make_shared<std::atomic<bool>>(false);
  const auto runs = std::make_shared<gate>();
  pool.with({.losers = losers::join_for(1h)})
      .race_of([runs] { runs->wait(); },
               [runs, ended] {
                 runs->open();
                 wait_for_stop();
                 std::this_thread::sleep_for(10ms);
                 *ended = true;
               });
  EXPECT_TRUE(ended->load());
}

TEST_P(race_losers, that_do_not_end_in_time_are_abandoned_by_join_for) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  const auto begin = std::chrono::steady_clock::now();
  pool.with({.losers = losers::join_for(20ms)})
      .race_of([other] { other->await(); }, [other] { other->stay(); });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_EQ(other->running, 1);
  EXPECT_TRUE(other->let_go());
}

// ---- copies that fail, and that cannot be made ------------------------------------------------

struct with_throwing_copy {
  filch_test::throwing_copy held;
  int operator()(const filch_test::throwing_copy& x) const { return x.value; }
};

TEST_P(race_losers, callable_whose_copy_throws_starts_nothing) {
  auto pool = make_pool();
  const no_leaks check;
  const with_throwing_copy f{filch_test::throwing_copy(1)};
  const std::vector<filch_test::throwing_copy> xs(3);
  for (long copies = 0; copies < 4; ++copies) {
    const filch_test::fail_copies_after some(copies);
    EXPECT_THROW(pool.race(f, xs, {.losers = losers::abandon}), filch_test::copy_failed);
  }
  EXPECT_EQ(pool.race(f, xs, {.losers = losers::abandon}).value, 0) << "the pool goes on";
  const filch_test::fail_copies_after none(0);
  EXPECT_EQ(pool.race(f, xs).value, 0) << "losers that are joined need no copy";
}

TEST_P(race_losers, what_cannot_be_copied_can_be_handed_over) {
  auto pool = make_pool();
  const no_leaks check;
  std::vector<filch_test::move_only> xs;
  for (int i = 0; i < 3; ++i) xs.emplace_back(5);
  const auto f = [](const filch_test::move_only& x) { return x.value; };
  EXPECT_THROW(pool.race(f, xs, {.losers = losers::abandon}), std::invalid_argument);
  EXPECT_EQ(pool.race(f, std::move(xs), {.losers = losers::abandon}).value, 5);
  auto once = [held = filch_test::move_only(6)] { return held.value; };
  const auto view = pool.with({.losers = losers::abandon});
  EXPECT_THROW(view.race_of(once), std::invalid_argument);
  EXPECT_EQ(view.race_of(std::move(once)).value, 6);
}

TEST_P(race_losers, that_are_abandoned_keep_the_values_that_proxies_stand_for) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  const auto seen = std::make_shared<std::atomic<int>>(-1);
  {
    std::vector<bool> xs{false, true};
    const auto contend = [other, seen](bool x) {
      if (x) {
        other->stay();
        *seen = x ? 1 : 0;
      } else {
        other->await();
      }
      return 0;
    };
    pool.race(contend, xs, {.losers = losers::abandon});
  }
  EXPECT_TRUE(other->let_go());
  EXPECT_TRUE(eventually([&] { return *seen == 1; }));
}

}  // namespace
