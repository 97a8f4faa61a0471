#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include <filch/hedge.hpp>
#include <filch/io.hpp>
#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

namespace {

using namespace std::chrono_literals;

FILCH_CONFORMANCE(hedge);

/// Answers with the number of the attempt; the first ones hang until they are stopped.
class service {
 public:
  explicit service(int hanging) : hanging_(hanging) {}
  int operator()() {
    const int attempt = calls_++;
    if (attempt < hanging_) filch::io::sleep_for(1h);
    return attempt;
  }
  int calls() const { return calls_; }

 private:
  const int hanging_;
  std::atomic<int> calls_{0};
};

int fail() { throw std::runtime_error("no"); }

TEST_P(hedge, a_quick_answer_is_asked_for_once) {
  auto pool = make_pool();
  service quick(0);
  const auto got = pool.hedge([&] { return quick(); }, {.after = 1h});
  EXPECT_EQ(got.value, 0);
  EXPECT_EQ(got.index, 0U);
  EXPECT_EQ(quick.calls(), 1);
}

TEST_P(hedge, a_slow_answer_is_asked_for_again_and_the_slow_one_stopped) {
  auto pool = make_pool();
  service slow(2);
  const auto got = pool.hedge([&] { return slow(); }, {.after = 20ms, .max = 3});
  EXPECT_EQ(got.value, 2);
  EXPECT_EQ(got.index, 2U);
  EXPECT_GE(got.elapsed, 40ms);
}

TEST_P(hedge, a_failure_starts_the_next_attempt_at_once) {
  auto pool = make_pool();
  std::atomic<int> calls{0};
  const auto flaky = [&] { return ++calls < 3 ? fail() : 7; };
  EXPECT_EQ(pool.hedge(flaky, {.after = 1h, .max = 3}).value, 7);
  calls = 0;
  EXPECT_EQ(pool.hedge(flaky, {.max = 3}).value, 7);
}

TEST_P(hedge, all_failures_are_listed) {
  auto pool = make_pool();
  try {
    pool.hedge(fail, {.max = 4});
    FAIL() << "somebody won";
  } catch (const filch::race_failed& e) {
    EXPECT_EQ(e.errors().size(), 4U);
  }
}

TEST_P(hedge, it_can_be_stopped_and_has_a_deadline) {
  auto pool = make_pool();
  service never(1000);
  EXPECT_THROW(pool.hedge([&] { return never(); }, {.after = 1ms, .deadline = 10ms}),
               filch::timed_out);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(pool.hedge([&] { return never(); }, {.after = 1ms, .stop = stop.get_token()}),
               filch::cancelled);
}

TEST_P(hedge, callables_of_all_kinds_are_taken) {
  auto pool = make_pool();
  std::atomic<int> calls{0};
  pool.hedge([&] { ++calls; }, {.after = 1h});
  EXPECT_EQ(calls, 1);
  const auto stoppable = [](std::stop_token stop) { return stop.stop_possible(); };
  EXPECT_TRUE(pool.hedge(stoppable, {.after = 1h}).value);
  auto owner = [owned = std::make_unique<int>(5)] { return *owned; };
  EXPECT_EQ(pool.hedge(std::move(owner), {.after = 1h}).value, 5);
  pool.submit([] { EXPECT_EQ(filch::hedge([] { return 3; }, {.after = 1h}).value, 3); }).get();
}

TEST_P(hedge, misuse_is_named) {
  auto pool = make_pool();
  EXPECT_THROW(pool.hedge(fail, {.max = 0}), std::invalid_argument);
  EXPECT_THROW(pool.hedge(fail, {.after = -1ns}), std::invalid_argument);
  EXPECT_THROW(filch::hedge_budget(1.5), std::invalid_argument);
  EXPECT_THROW(filch::hedge_budget(-0.1), std::invalid_argument);
  EXPECT_THROW(filch::latency_tracker(1.0), std::invalid_argument);
  EXPECT_THROW(filch::latency_tracker(0.0), std::invalid_argument);
}

// ---- the budget -------------------------------------------------------------------------------

TEST_P(hedge, the_budget_bounds_extra_attempts) {
  auto pool = make_pool();
  filch::hedge_budget budget(0.25, 3);
  std::atomic<int> calls{0};
  constexpr int n = 40;
  for (int i = 0; i < n; ++i) {
    const auto failing = [&] { return ++calls, fail(); };
    EXPECT_THROW(pool.hedge(failing, {.budget = &budget}), filch::race_failed);
  }
  EXPECT_GE(calls, n + n / 4);
  EXPECT_LE(calls, n + n / 4 + 3);
}

TEST_P(hedge, an_attempt_without_budget_is_told) {
  auto pool = make_pool();
  filch::hedge_budget none(0, 0);
  service slow(0);
  EXPECT_EQ(pool.hedge([&] { return filch::io::sleep_for(5ms), slow(); },
                       {.after = 1ms, .budget = &none, .max = 3})
                .value,
            0);
  EXPECT_EQ(slow.calls(), 1);
  try {
    pool.hedge(fail, {.budget = &none});
    FAIL() << "somebody won";
  } catch (const filch::race_failed& e) {
    ASSERT_EQ(e.errors().size(), 2U);
    EXPECT_THROW(std::rethrow_exception(e.errors()[1].error), filch::budget_spent);
  }
}

// ---- the tracker ------------------------------------------------------------------------------

TEST_P(hedge, a_tracker_knows_its_quantile_to_an_eighth) {
  filch::latency_tracker p95(0.95);
  for (int i = 0; i < 99; ++i) p95.note(1ms);
  EXPECT_FALSE(p95.estimate());
  filch::latency_tracker spread(0.95);
  for (int i = 1; i <= 1000; ++i) spread.note(i * 1us);
  ASSERT_TRUE(spread.estimate());
  EXPECT_GE(*spread.estimate(), 950us);
  EXPECT_LE(*spread.estimate(), 950us * 9 / 8);
  for (const auto extreme : {std::chrono::nanoseconds::max(), 0ns, -5ns, 7ns, 8ns, 15ns}) {
    spread.note(extreme);
  }
}

TEST_P(hedge, a_tracker_follows_a_service_that_changes) {
  filch::latency_tracker p95(0.95);
  for (int i = 0; i < 10'000; ++i) p95.note(1ms);
  for (int i = 0; i < 10'000; ++i) p95.note(1us);
  EXPECT_EQ(p95.estimate().value_or(0ns) < 2us, true);
  for (int i = 0; i < 1'000; ++i) p95.note(1ms);
  EXPECT_GE(p95.estimate().value_or(0ns), 1ms);
}

TEST_P(hedge, what_is_known_takes_the_place_of_the_delay) {
  auto pool = make_pool();
  filch::latency_tracker p95;
  for (int i = 0; i < 200; ++i) p95.note(1ms);
  service slow(1);
  EXPECT_EQ(pool.hedge([&] { return slow(); }, {.after = 1h, .latency = &p95}).value, 1);
}

TEST_P(hedge, attempts_teach_the_tracker) {
  auto pool = make_pool();
  filch::latency_tracker p95;
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(pool.hedge([] { return 1; }, {.after = 1h, .latency = &p95}));
  }
  EXPECT_TRUE(p95.estimate());
}

// ---- late values ------------------------------------------------------------------------------

TEST_P(hedge, a_late_value_is_handed_on) {
  auto pool = make_pool();
  std::mutex lock;
  std::vector<int> late;
  const auto keep = [&](int&& value) {
    const std::lock_guard hold(lock);
    late.push_back(value);
  };
  std::atomic<bool> begun{false};
  const auto deaf = [&begun](int i) {
    if (i == 0) begun = true;
    while (!begun) std::this_thread::yield();  // else nobody would be late
    while (i != 1 && !filch::this_job::stop_requested()) std::this_thread::yield();
    return i;  // though it was asked to stop
  };
  const auto won = pool.race(deaf, std::vector<int>{0, 1}, {.on_late = keep});
  EXPECT_EQ(won.value, 1);
  EXPECT_EQ(late, std::vector<int>{0});
  std::atomic<int> attempts{0};
  const auto hedged = pool.hedge([&] { return deaf(attempts++); }, {.after = 1ms, .on_late = keep});
  EXPECT_EQ(hedged.value, 1);
  EXPECT_EQ(late, (std::vector<int>{0, 0}));
}

TEST_P(hedge, a_refused_value_is_not_a_late_one) {
  auto pool = make_pool();
  std::atomic<int> late{0};
  EXPECT_THROW(
      pool.race([](int i) { return i; }, std::vector<int>{0, 1},
                {.accept = [](const int&) { return false; }, .on_late = [&](int&&) { ++late; }}),
      filch::race_failed);
  EXPECT_EQ(late, 0);
}

}  // namespace
