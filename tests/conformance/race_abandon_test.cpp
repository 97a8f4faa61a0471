#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
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

// Losers that are let go, and what they must own for that.

namespace {

using namespace std::chrono_literals;
using filch::losers;
using filch_test::counted;
using filch_test::eventually;
using filch_test::gate;
using filch_test::no_leaks;

FILCH_CONFORMANCE(race_abandon);

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

TEST_P(race_abandon, that_ignore_their_stop_do_not_hold_up_a_race_that_abandons) {
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

TEST_P(race_abandon, option_of_the_view_holds_where_the_race_says_nothing) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  const auto wins = [other] { other->await(); };
  pool.with({.losers = losers::abandon}).race_of(wins, [other] { other->stay(); });
  EXPECT_EQ(other->running, 1);
  EXPECT_TRUE(other->let_go());
}

TEST_P(race_abandon, abandoned_at_the_deadline_still_run_when_it_is_thrown) {
  auto pool = make_pool();
  const auto other = std::make_shared<stubborn>();
  EXPECT_THROW(pool.race([other](int x) { return other->stay(), x; }, std::array{1},
                         {.deadline = 50ms, .losers = losers::abandon}),
               filch::timed_out);
  EXPECT_TRUE(other->let_go());
}

TEST_P(race_abandon, abandoned_do_not_hold_up_the_end_of_the_pool) {
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

TEST_P(race_abandon, abandoned_that_call_a_pool_that_has_ended_are_refused) {
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

TEST_P(race_abandon, abandoned_are_asked_to_stop) {
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

TEST_P(race_abandon, own_copies_of_the_callable_and_the_arguments_when_abandoned) {
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

TEST_P(race_abandon, that_end_in_time_are_joined_by_join_for) {
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

TEST_P(race_abandon, that_do_not_end_in_time_are_abandoned_by_join_for) {
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

TEST_P(race_abandon, callable_whose_copy_throws_starts_nothing) {
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

TEST_P(race_abandon, what_cannot_be_copied_can_be_handed_over) {
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

TEST_P(race_abandon, that_are_abandoned_keep_the_values_that_proxies_stand_for) {
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
