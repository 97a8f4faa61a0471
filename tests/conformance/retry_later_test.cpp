#include <filch/retry.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/imap.hpp>
#include <filch/promise.hpp>
#include <filch/race.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

/// Attempts that answer later.
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

FILCH_CONFORMANCE(retry_later);

const filch::retry_options at_once{.attempts = 5, .backoff = 0ns};
const filch::retry_options never_again_today{.attempts = 2, .backoff = 1h, .longest = 1h};

/// Answers later, after so many failures; `x` tells how: even ones as a job, odd ones by promise.
struct shaky {
  filch::pool& pool;
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  int failures = 0;
  filch::future<int> operator()(int x) const {
    const bool fails = (*calls)++ < failures;
    const auto answer = [fails, x] {
      if (fails) throw std::runtime_error("not yet");
      return 2 * x;
    };
    if (x % 2 == 0) return pool.submit(answer);
    filch::promise<int> given;
    auto out = given.get_future();
    if (fails) {
      given.set_error(std::make_exception_ptr(std::runtime_error("not yet")));
    } else {
      given.set_value(2 * x);
    }
    return out;
  }
};

/// Never answers unless it is asked to stop; counts its calls.
struct silent {
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  filch::future<int> operator()() const {
    struct pending {
      filch::promise<int> given;
      std::optional<std::stop_callback<std::function<void()>>> on_stop;
    };
    auto shared = std::make_shared<pending>();
    auto out = shared->given.get_future();
    shared->on_stop.emplace(shared->given.stop_token(), [shared = shared.get()] {
      shared->given.set_error(std::make_exception_ptr(filch::cancelled()));
    });
    out.on_error([shared](const std::exception_ptr&) {});
    ++*calls;
    return out;
  }
};

/// The future of what `f` begins in a job of the pool.
template <class F, class... A>
auto begun_in(filch::pool& pool, F f, A... args) {
  return pool.submit([f = std::move(f), args...] { return f(args...); }).get();
}

TEST_P(retry_later, a_call_that_succeeds_is_made_once) {
  auto pool = make_pool();
  for (const int x : {4, 5}) {
    const shaky f{.pool = pool};
    EXPECT_EQ(begun_in(pool, filch::retry(f), x).get(), 2 * x);
    EXPECT_EQ(*f.calls, 1);
  }
}

TEST_P(retry_later, a_call_whose_answer_is_an_error_is_made_again) {
  auto pool = make_pool();
  for (const int x : {4, 5}) {
    const shaky f{.pool = pool, .failures = 4};
    EXPECT_EQ(begun_in(pool, filch::retry(f, at_once), x).get(), 2 * x);
    EXPECT_EQ(*f.calls, 5);
  }
}

TEST_P(retry_later, a_call_that_throws_at_once_counts_as_well) {
  auto pool = make_pool();
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto f = [calls, &pool] {
    if (++*calls < 3) throw std::runtime_error("not even begun");
    return pool.submit([] { return 7; });
  };
  EXPECT_EQ(begun_in(pool, filch::retry(f, at_once)).get(), 7);
  EXPECT_EQ(*calls, 3);
}

TEST_P(retry_later, the_last_error_is_the_results) {
  auto pool = make_pool();
  for (const int x : {4, 5}) {
    const shaky f{.pool = pool, .failures = 9};
    EXPECT_THROW(begun_in(pool, filch::retry(f, at_once), x).get(), std::runtime_error);
    EXPECT_EQ(*f.calls, 5);
  }
}

TEST_P(retry_later, nothing_references_and_values_without_a_copy) {
  auto pool = make_pool();
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto second_time = [calls] {
    if (++*calls % 2 == 1) throw std::runtime_error("first time");
  };
  EXPECT_NO_THROW(
      begun_in(pool, filch::retry([=, &pool] { return pool.submit(second_time); }, at_once)).get());
  static int there = 0;
  const auto refers = [=, &pool] {
    return pool.submit([=]() -> int& {
      second_time();
      return there;
    });
  };
  EXPECT_EQ(&begun_in(pool, filch::retry(refers, at_once)).get(), &there);
  const auto owns = [=, &pool] {
    return pool.submit([=] {
      second_time();
      return std::make_unique<int>(3);
    });
  };
  EXPECT_EQ(*begun_in(pool, filch::retry(owns, at_once)).get(), 3);
}

TEST_P(retry_later, arguments_are_the_same_at_each_attempt) {
  auto pool = make_pool();
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto f = [calls, &pool](std::string& s) {
    return pool.submit([calls, text = std::move(s)] {
      if (++*calls < 3) throw std::runtime_error("not yet");
      return text;
    });
  };
  // An attempt that takes its argument away has done so for all: they are its own copies.
  std::string mine(100, 'x');
  EXPECT_EQ(pool.submit([&] { return filch::retry(f, at_once)(mine); }).get().get(), "");
  EXPECT_EQ(mine, std::string(100, 'x'));
}

TEST_P(retry_later, cancelling_ends_a_pause_of_an_hour) {
  auto pool = make_pool();
  const shaky f{.pool = pool, .failures = 9};
  auto answer = begun_in(pool, filch::retry(f, never_again_today), 5);
  const auto begin = clock::now();
  answer.cancel();
  EXPECT_THROW(answer.get(), filch::cancelled);
  EXPECT_LT(clock::now() - begin, 10s);
  EXPECT_EQ(*f.calls, 1);
}

TEST_P(retry_later, cancelling_reaches_the_attempt_that_is_under_way) {
  auto pool = make_pool();
  const silent f;
  auto answer = begun_in(pool, filch::retry(f, at_once));
  EXPECT_EQ(*f.calls, 1);
  answer.cancel();
  EXPECT_THROW(answer.get(), filch::cancelled);
  EXPECT_EQ(*f.calls, 1) << "what was stopped is not tried again";
}

TEST_P(retry_later, a_callable_that_cannot_tell_what_is_worth_it_ends_it) {
  auto pool = make_pool();
  const shaky f{.pool = pool, .failures = 9};
  const filch::retry_options asks{.attempts = 5, .backoff = 0ns, .when = [](auto&&) -> bool {
                                    throw std::logic_error("no idea");
                                  }};
  EXPECT_THROW(begun_in(pool, filch::retry(f, asks), 4).get(), std::logic_error);
  EXPECT_EQ(*f.calls, 1);
}

TEST_P(retry_later, every_element_of_a_stream_gets_its_attempts) {
  auto pool = make_pool();
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto f = [calls, &pool](int x) {
    return pool.submit([calls, x] {
      if ((*calls)++ % 3 != 0) throw std::runtime_error("two of three");
      return x;
    });
  };
  std::vector<int> xs(50);
  for (int i = 0; i < 50; ++i) xs[static_cast<std::size_t>(i)] = i;
  std::vector<int> got;
  for (const int x :
       pool.imap(filch::retry(f, {.attempts = 1000, .backoff = 0ns}), xs, {.in_flight = 8})) {
    got.push_back(x);
  }
  EXPECT_EQ(got, xs);
}

// The only worker waits in the race; who makes the attempts must not need it.
TEST_P(retry_later, a_race_in_a_job_of_a_small_pool_gets_them_too) {
  auto pool = make_pool();
  const std::vector<int> xs{4, 6, 8};
  const shaky f{.pool = pool, .failures = 7};
  const auto won = pool.submit([&] { return pool.race(filch::retry(f, at_once), xs).value; }).get();
  EXPECT_TRUE(won == 8 || won == 12 || won == 16) << won;
}

TEST_P(retry_later, the_pool_waits_for_the_last_attempt) {
  auto pool = make_heap_pool();
  const shaky f{.pool = *pool, .failures = 2};
  auto answer = begun_in(*pool, filch::retry(f, {.attempts = 3, .backoff = 10ms, .growth = 1}), 5);
  pool.reset();
  EXPECT_TRUE(answer.ready());
  EXPECT_EQ(answer.get(), 10);
}

TEST_P(retry_later, a_pool_that_is_shut_down_ends_the_pause) {
  auto pool = make_pool();
  const shaky f{.pool = pool, .failures = 9};
  auto answer = begun_in(pool, filch::retry(f, never_again_today), 5);
  pool.shutdown_for(10ms);
  EXPECT_THROW(answer.get(), filch::cancelled);
}

TEST_P(retry_later, whoever_waits_no_more_takes_nothing_away) {
  auto pool = make_pool();
  const shaky f{.pool = pool, .failures = 3};
  {
    auto dropped = begun_in(pool, filch::retry(f, at_once), 4);
  }
  pool.close();
  pool.join();
  EXPECT_EQ(*f.calls, 4);
}

TEST_P(retry_later, the_time_limit_of_an_attempt_is_not_the_next_ones) {
  auto pool = make_pool();
  auto calls = std::make_shared<std::atomic<int>>(0);
  const auto f = [calls, &pool] {
    const bool slow = ++*calls == 1;
    return pool.with({.lane = filch::lane::io, .timeout = slow ? 5ms : 1h})
        .submit([slow](std::stop_token stop) {
          while (slow && !stop.stop_requested()) std::this_thread::yield();
          return 2;
        });
  };
  EXPECT_EQ(begun_in(pool, filch::retry(f, at_once)).get(), 2);
  EXPECT_EQ(*calls, 2);
}

// Somebody else's job keeps the promise of an attempt; that job's stop is none of ours.
TEST_P(retry_later, whoever_ends_an_attempt_does_not_stop_the_next) {
  auto pool = make_pool();
  auto calls = std::make_shared<std::atomic<int>>(0);
  auto first = std::make_shared<filch::promise<int>>(pool);
  const auto f = [calls, first, &pool] {
    if (++*calls == 1) return first->get_future();
    return pool.submit([] { return filch::this_job::stop_requested() ? 1 : 2; });
  };
  auto answer = begun_in(pool, filch::retry(f, {.backoff = 20ms}));
  std::stop_source strangers;
  pool.with({.stop = strangers.get_token()})
      .submit([&] { first->set_error(std::make_exception_ptr(std::runtime_error("no"))); })
      .get();
  strangers.request_stop();
  EXPECT_EQ(answer.get(), 2);
}

TEST_P(retry_later, the_only_thread_of_a_pool_makes_the_attempts_it_waits_for) {
  auto pool = make_pool_of(1, {.max_threads = 1});
  for (const int x : {4, 5}) {
    const shaky f{.pool = pool, .failures = 3};
    const auto again = filch::retry(f, {.attempts = 5, .backoff = 1ms});
    const std::vector<int> xs{x};
    EXPECT_EQ(pool.submit([&] { return again(x).get(); }).get(), 2 * x);
    *f.calls = 0;
    EXPECT_EQ(pool.submit([&] { return pool.race(again, xs).value; }).get(), 2 * x);
    *f.calls = 0;
    EXPECT_EQ(pool.submit([&] {
                    int sum = 0;
                    for (const int y : pool.imap(again, xs, {.in_flight = 1})) sum += y;
                    return sum;
                  })
                  .get(),
              2 * x);
    *f.calls = 0;
    EXPECT_EQ(pool.submit([&] { return again(x).then([](int y) { return y + 1; }).get(); }).get(),
              2 * x + 1);
  }
}

TEST_P(retry_later, a_value_that_cannot_be_moved_is_an_error) {
  struct stays {
    stays() = default;
    stays(stays&&) { throw std::logic_error("no move"); }
  };
  auto pool = make_pool();
  const auto f = [&pool] { return pool.submit([] { return stays(); }); };
  EXPECT_THROW(begun_in(pool, filch::retry(f, at_once)).get(), std::logic_error);
}

}  // namespace
