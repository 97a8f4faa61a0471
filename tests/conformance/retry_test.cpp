#include <filch/retry.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include <filch/io.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/submit.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

FILCH_CONFORMANCE(retry);

const filch::retry_options at_once{.attempts = 5, .backoff = 0ns};

/// Fails so many times, then answers.
struct shaky {
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  int failures = 0;
  int operator()(int x) const {
    if ((*calls)++ < failures) throw std::runtime_error("not yet");
    return 2 * x;
  }
};

TEST_P(retry, a_call_that_succeeds_is_made_once) {
  auto pool = make_pool();
  const shaky f;
  EXPECT_EQ(pool.submit(filch::retry(f), 4).get(), 8);
  EXPECT_EQ(*f.calls, 1);
}

TEST_P(retry, a_call_that_fails_is_made_again) {
  auto pool = make_pool();
  const shaky f{.failures = 4};
  EXPECT_EQ(pool.submit(filch::retry(f, at_once), 4).get(), 8);
  EXPECT_EQ(*f.calls, 5);
}

TEST_P(retry, the_last_error_is_thrown) {
  auto pool = make_pool();
  const shaky f{.failures = 5};
  EXPECT_THROW(pool.submit(filch::retry(f, at_once), 4).get(), std::runtime_error);
  EXPECT_EQ(*f.calls, 5);
}

TEST_P(retry, works_with_each_element_of_a_map) {
  auto pool = make_pool();
  std::atomic<int> calls{0};
  const auto f = [&](int x) {
    if (calls++ % 2 == 0) throw std::runtime_error("every second time");
    return x;
  };
  const std::vector<int> xs{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(pool.map(filch::retry(f, {.attempts = 100, .backoff = 0ns}), xs), xs);
  EXPECT_GE(calls, 16);
}

TEST_P(retry, only_errors_that_are_worth_it_are_tried_again) {
  auto pool = make_pool();
  int calls = 0;
  const auto f = [&]() -> int {
    if (++calls == 1) throw std::runtime_error("try again");
    throw std::logic_error("never mind");
  };
  const auto worth_it = [](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::runtime_error&) {
      return true;
    } catch (...) {
      return false;
    }
  };
  EXPECT_THROW(pool.submit(filch::retry(f, {.backoff = 0ns, .when = worth_it})).get(),
               std::logic_error);
  EXPECT_EQ(calls, 2);
}

TEST_P(retry, pauses_grow_up_to_the_longest) {
  auto pool = make_pool();
  const shaky f{.failures = 5};
  const auto begin = clock::now();
  EXPECT_EQ(pool.submit(filch::retry(f, {.attempts = 6, .backoff = 4ms, .longest = 10ms}), 1).get(),
            2);
  // 4, 8, 10, 10, 10 ms, at least half of each.
  EXPECT_GE(clock::now() - begin, 21ms);
  EXPECT_LT(clock::now() - begin, 10s);
}

TEST_P(retry, a_stop_ends_the_pause) {
  auto pool = make_pool();
  std::stop_source stop;
  std::atomic<bool> failed{false};
  auto waiting = pool.with({.lane = filch::lane::io, .stop = stop.get_token()})
                     .submit(filch::retry(
                         [&]() -> int {
                           failed = true;
                           throw std::runtime_error("always");
                         },
                         {.attempts = 2, .backoff = 1h, .longest = 1h}));
  while (!failed) std::this_thread::yield();
  const auto begin = clock::now();
  stop.request_stop();
  EXPECT_THROW(waiting.get(), filch::cancelled);
  EXPECT_LT(clock::now() - begin, 10s);
}

TEST_P(retry, a_job_that_was_stopped_is_not_tried_again) {
  auto pool = make_pool();
  std::atomic<int> calls{0};
  const auto f = [&](std::stop_token) -> int {
    ++calls;
    throw filch::cancelled();
  };
  EXPECT_THROW(pool.submit(filch::retry(f, at_once)).get(), filch::cancelled);
  EXPECT_EQ(calls, 1);
}

TEST_P(retry, a_callable_that_wants_a_token_gets_it) {
  auto pool = make_pool();
  const auto f = [](std::stop_token stop, int x) { return stop.stop_possible() ? x : -1; };
  EXPECT_EQ(pool.submit(filch::retry(f), 6).get(), 6);
}

TEST_P(retry, arguments_are_the_same_at_each_attempt) {
  auto pool = make_pool();
  int calls = 0;
  const auto f = [&](const std::string& s) {
    if (++calls < 3) throw std::runtime_error("not yet");
    return s;
  };
  EXPECT_EQ(pool.submit(filch::retry(f, at_once), std::string(100, 'x')).get(),
            std::string(100, 'x'));
}

TEST_P(retry, options_without_a_meaning_are_refused) {
  const auto f = [] {};
  EXPECT_THROW(filch::retry(f, {.attempts = 0}), std::invalid_argument);
  EXPECT_THROW(filch::retry(f, {.backoff = -1ns}), std::invalid_argument);
  EXPECT_THROW(filch::retry(f, {.growth = 0.5}), std::invalid_argument);
  EXPECT_THROW(filch::retry(f, {.longest = -1ns}), std::invalid_argument);
}

TEST_P(retry, outside_of_any_pool_it_is_a_plain_callable) {
  const shaky f{.failures = 2};
  EXPECT_EQ(filch::retry(f, at_once)(3), 6);
}

}  // namespace
