// Races of callables that answer later: contenders that hold no thread.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/hedge.hpp>
#include <filch/pool.hpp>
#include <filch/promise.hpp>
#include <filch/race.hpp>
#include <filch/ranges.hpp>
#include <filch/serial.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

namespace {

using namespace std::chrono_literals;

FILCH_CONFORMANCE(race_later);

/// What an event loop is: operations begun, which end when somebody says so, or when stopped.
class operations {
 public:
  filch::future<int> begin(int value) {
    auto one = std::make_shared<operation>();
    auto answer = one->given.get_future();
    one->value = value;
    one->on_stop.emplace(one->given.stop_token(), stopper{*one});
    const std::lock_guard lock(mutex_);
    all_.push_back(one);
    ++begun_;
    return answer;
  }
  void finish(std::size_t i) { of(i)->finish(); }
  void fail(std::size_t i) {
    of(i)->given.set_error(
        std::make_exception_ptr(std::runtime_error("operation " + std::to_string(i))));
  }
  std::size_t begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }
  void wait_for(std::size_t n) {
    while (begun() < n) std::this_thread::sleep_for(100us);
  }

 private:
  struct operation;
  struct stopper {
    operation& which;
    void operator()() const noexcept {
      which.given.set_error(std::make_exception_ptr(filch::cancelled()));
    }
  };
  struct operation {
    void finish() { given.set_value(value); }
    filch::promise<int> given;
    int value = 0;
    std::optional<std::stop_callback<stopper>> on_stop;
  };
  std::shared_ptr<operation> of(std::size_t i) {
    const std::lock_guard lock(mutex_);
    return all_.at(i);
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<operation>> all_;
  std::size_t begun_ = 0;
};

TEST_P(race_later, the_value_is_the_futures_and_the_others_are_stopped) {
  auto pool = make_pool();
  operations loop;
  std::thread helper([&] {
    loop.wait_for(3);
    loop.finish(1);
  });
  const auto won = pool.race([&](int x) { return loop.begin(x); }, std::vector{10, 20, 30});
  helper.join();
  static_assert(std::is_same_v<decltype(won.value), int>);
  EXPECT_EQ(won.value, 20);
  EXPECT_EQ(won.index, 1U);
}

TEST_P(race_later, ten_thousand_hold_no_thread) {
  auto pool = make_pool();
  operations loop;
  const auto started = pool.stats().io_threads_started;
  std::thread helper([&] {
    loop.wait_for(10'000);
    loop.finish(9'999);
  });
  const auto won = pool.race([&](int x) { return loop.begin(x); }, filch::range(0, 10'000));
  helper.join();
  EXPECT_EQ(won.value, 9'999);
  EXPECT_EQ(pool.stats().io_threads_started, started);
}

TEST_P(race_later, one_that_is_there_at_once_wins_and_the_rest_is_not_begun) {
  auto pool = make_pool();
  int begun = 0;
  const auto won = pool.race(
      [&](int x) {
        ++begun;
        filch::promise<int> given;
        auto answer = given.get_future();
        given.set_value(x);
        return answer;
      },
      filch::range(0, 100));
  EXPECT_EQ(won.value, 0);
  EXPECT_EQ(begun, 1);
}

TEST_P(race_later, jobs_are_contenders_too_and_those_not_begun_never_run) {
  auto pool = make_pool();
  std::atomic<bool> ran{false};
  const auto won = pool.race_of([&] { return pool.submit([] { return 1; }); },
                                [&] {
                                  return pool.submit_after(1h, [&] {
                                    ran = true;
                                    return 2;
                                  });
                                });
  EXPECT_EQ(won.value, 1);
  EXPECT_FALSE(ran);
}

TEST_P(race_later, errors_of_the_call_and_of_the_future_lose_alike) {
  auto pool = make_pool();
  operations loop;
  std::thread helper([&] {
    loop.wait_for(2);
    loop.fail(0);
    loop.fail(1);
  });
  const auto f = [&](int x) {
    if (x == 0) throw std::invalid_argument("not even begun");
    if (x == 1) return filch::future<int>();
    return loop.begin(x);
  };
  try {
    pool.race(f, filch::range(0, 4));
    ADD_FAILURE() << "nobody can win";
  } catch (const filch::race_failed& e) {
    ASSERT_EQ(e.errors().size(), 4U);
    EXPECT_THROW(std::rethrow_exception(e.errors()[0].error), std::invalid_argument);
    EXPECT_THROW(std::rethrow_exception(e.errors()[1].error), filch::no_result);
    EXPECT_THROW(std::rethrow_exception(e.errors()[2].error), std::runtime_error);
  }
  helper.join();
}

TEST_P(race_later, a_value_that_is_not_accepted_loses) {
  auto pool = make_pool();
  operations loop;
  std::thread helper([&] {
    loop.wait_for(2);
    loop.finish(0);
    loop.finish(1);
  });
  const auto won = pool.race([&](int x) { return loop.begin(x); }, std::vector{-1, 1},
                             {.accept = [](int x) { return x > 0; }});
  helper.join();
  EXPECT_EQ(won.value, 1);
}

TEST_P(race_later, a_deadline_and_a_stop_reach_what_was_begun) {
  auto pool = make_pool();
  operations loop;
  const auto begin = [&](int x) { return loop.begin(x); };
  EXPECT_THROW(pool.race(begin, filch::range(0, 3), {.deadline = 5ms}), filch::timed_out);
  std::stop_source stop;
  std::thread helper([&] {
    loop.wait_for(6);
    stop.request_stop();
  });
  EXPECT_THROW(pool.race(begin, filch::range(0, 3), {.stop = stop.get_token()}), filch::cancelled);
  helper.join();
}

TEST_P(race_later, staggered_ones_begin_in_turn_or_when_one_has_failed) {
  auto pool = make_pool();
  operations loop;
  std::thread helper([&] {
    loop.wait_for(1);
    loop.fail(0);
    loop.wait_for(2);
    loop.finish(1);
  });
  const auto won =
      pool.race([&](int x) { return loop.begin(x); }, filch::range(0, 10), {.stagger = 1h});
  helper.join();
  EXPECT_EQ(won.index, 1U);
  EXPECT_EQ(loop.begun(), 2U);
}

TEST_P(race_later, a_hedge_times_what_comes_later) {
  auto pool = make_pool();
  filch::latency_tracker known;
  operations loop;
  std::thread helper([&] {
    loop.wait_for(2);
    loop.finish(1);
  });
  const auto won = pool.hedge([&] { return loop.begin(4); }, {.after = 2ms, .latency = &known});
  helper.join();
  EXPECT_EQ(won.value, 4);
  EXPECT_EQ(won.index, 1U);
}

TEST_P(race_later, first_n_gives_them_as_they_come) {
  auto pool = make_pool();
  operations loop;
  std::thread helper([&] {
    loop.wait_for(5);
    loop.finish(3);
    loop.fail(2);
    loop.finish(0);
  });
  const auto two = pool.first_n(2, [&](int x) { return loop.begin(x); }, filch::range(0, 5));
  helper.join();
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].index, 3U);
  EXPECT_EQ(two[1].index, 0U);
}

TEST_P(race_later, race_completed_gives_an_error_that_is_first) {
  auto pool = make_pool();
  operations loop;
  std::thread helper([&] {
    loop.wait_for(2);
    loop.fail(1);
  });
  EXPECT_THROW(pool.race_completed([&](int x) { return loop.begin(x); }, filch::range(0, 2)),
               std::runtime_error);
  helper.join();
}

TEST_P(race_later, a_race_inside_a_job_waits_for_jobs_of_its_own_pool) {
  auto pool = make_pool_of(1);
  auto outer = pool.submit([&] {
    return pool.race([&](int x) { return pool.submit([x] { return x; }); }, std::vector{7, 7})
        .value;
  });
  EXPECT_EQ(outer.get(), 7);
}

TEST_P(race_later, abandoned_ones_end_when_they_like_and_their_values_are_handed_on) {
  auto pool = make_pool();
  std::vector<filch::promise<std::shared_ptr<int>>> given;
  std::atomic<int> late{0};
  {
    const auto won = pool.race(
        [&](int x) {
          auto answer = given.emplace_back().get_future();
          if (x == 1) given.back().set_value(std::make_shared<int>(x));
          return answer;
        },
        std::vector{0, 1},
        {.losers = filch::losers::abandon,
         .on_late = [&](std::shared_ptr<int>&& value) { late += *value; }});
    EXPECT_EQ(won.index, 1U);
  }
  EXPECT_TRUE(given[0].stop_token().stop_requested());
  auto value = std::make_shared<int>(8);
  given[0].set_value(value);
  EXPECT_EQ(late, 8);
  EXPECT_EQ(value.use_count(), 1);
}

TEST_P(race_later, whatever_ends_first_there_is_one_winner) {
  auto pool = make_pool();
  for (int round = 0; round < 50; ++round) {
    operations loop;
    std::thread first([&] {
      loop.wait_for(4);
      loop.finish(0);
      loop.finish(2);
    });
    std::thread second([&] {
      loop.wait_for(4);
      loop.finish(1);
      loop.finish(3);
    });
    const auto won = pool.race([&](int x) { return loop.begin(x); }, filch::range(0, 4));
    EXPECT_EQ(static_cast<std::size_t>(won.value), won.index);
    first.join();
    second.join();
  }
}

TEST_P(race_later, inside_a_job_of_a_pool_that_gets_no_more_threads) {
  auto pool = make_pool_of(1, {.max_threads = 1});
  auto outer = pool.submit([&] {
    return pool.race([&](int x) { return pool.submit([x] { return x; }); }, std::vector{7, 7})
        .value;
  });
  EXPECT_EQ(outer.get(), 7);
}

TEST_P(race_later, over_jobs_of_another_pool_that_has_no_workers) {
  auto pool = make_pool();
  const filch::pool serial(filch::serial_engine());
  const auto won =
      pool.race([&](int x) { return serial.submit([x] { return x; }); }, std::vector{5, 5});
  EXPECT_EQ(won.value, 5);
}

TEST_P(race_later, that_waits_for_itself_is_told_so) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  std::promise<filch::future<int>*> self;
  const auto at = self.get_future().share();
  auto circle = pool.submit([&] {
    const auto waits = [&](int) { return pool.submit([&] { return at.get()->get(); }); };
    return pool.race(waits, std::vector{1}).value;
  });
  self.set_value(&circle);
  try {
    circle.get();
    ADD_FAILURE() << "it has waited for itself";
  } catch (const filch::race_failed& e) {
    EXPECT_THROW(std::rethrow_exception(e.errors()[0].error), filch::would_deadlock);
  } catch (const filch::would_deadlock&) {
  }
}

// The thread of an abandoned loser may not have come to its first line.
TEST_P(race_later, the_pool_may_end_as_soon_as_a_race_has_abandoned_its_losers) {
  for (int round = 0; round < 100; ++round) {
    auto pool = make_pool_of(1);
    const auto won = pool.race([](int x) { return x; }, std::vector{1, 1, 1},
                               {.losers = filch::losers::abandon});
    EXPECT_EQ(won.value, 1);
  }
}

}  // namespace
