// Streams whose callable returns futures: an element is in flight until its future is there.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <filch/imap.hpp>
#include <filch/pool.hpp>
#include <filch/promise.hpp>
#include <filch/ranges.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::counted;
using filch_test::eventually;
using filch_test::ledger;
using filch_test::move_only;
using filch_test::no_leaks;
using filch_test::peak;

FILCH_CONFORMANCE(imap_async);

int square(int x) { return x * x; }

std::vector<int> numbers(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

template <class Stream>
auto drain(Stream&& stream) {
  std::vector<typename std::remove_cvref_t<Stream>::value_type> out;
  for (auto&& value : stream) out.push_back(std::move(value));
  return out;
}

/// Squares, some time later.
struct later {
  const filch::pool* pool;
  std::chrono::milliseconds delay{1};
  filch::future<int> operator()(int x) const { return pool->submit_after(delay, square, x); }
};

TEST_P(imap_async, yields_what_the_futures_have_in_input_order) {
  auto pool = make_pool();
  auto stream = pool.imap(later{&pool}, numbers(50));
  static_assert(std::is_same_v<decltype(stream), filch::stream<int>>);
  int at = 0;
  for (const int value : stream) {
    EXPECT_EQ(value, at * at);
    ++at;
  }
  EXPECT_EQ(at, 50);
}

TEST_P(imap_async, yields_in_order_of_completion_what_is_there_first) {
  auto pool = make_pool();
  auto stream = pool.imap_unordered(
      [&pool](int x) { return pool.submit_after(x == 0 ? 60ms : 1ms, square, x); }, numbers(8));
  for (int i = 1; i < 8; ++i) EXPECT_NE(stream.next()->index, 0U);
  const auto last = stream.next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->index, 0U);
  EXPECT_FALSE(stream.next());
}

TEST_P(imap_async, takes_futures_of_nothing_of_references_and_of_what_only_moves) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> ran{0};
  auto nothing = pool.imap([&](int) { return pool.submit([&] { ++ran; }); }, numbers(5));
  static_assert(std::is_same_v<decltype(nothing), filch::stream<std::monostate>>);
  EXPECT_EQ(drain(nothing).size(), 5U);
  EXPECT_EQ(ran, 5);
  int place = 1;
  auto references =
      pool.imap([&](int) { return pool.submit([&]() -> int& { return place; }); }, numbers(1));
  EXPECT_EQ(&references.next()->get(), &place);
  auto moved =
      pool.imap([&](int x) { return pool.submit([x] { return move_only(x); }); }, numbers(5));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(moved.next()->value, i);
}

TEST_P(imap_async, takes_tuples_apart_and_gives_a_stop_token) {
  auto pool = make_pool();
  const auto xs = numbers(4);
  EXPECT_EQ(
      drain(pool.istarmap([&](std::stop_token, int a, int b) { return pool.submit(square, a + b); },
                          filch::zip(xs, xs))),
      (std::vector{0, 4, 16, 36}));
  int total = 0;
  for (auto [index, value] : pool.istarmap_unordered(
           [&](int a, int b) { return pool.submit(square, a - b); }, filch::zip(xs, xs))) {
    total += value;
  }
  EXPECT_EQ(total, 0);
}

TEST_P(imap_async, keeps_an_element_alive_until_its_future_is_there) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<std::string> words;
  for (int i = 0; i < 20; ++i)
    words.push_back("a word that is too long to be short " + std::to_string(i));
  const auto expected = words;
  auto stream = pool.imap(
      [&](std::string&& word) { return pool.submit_after(2ms, [&word] { return word; }); },
      std::move(words));
  EXPECT_EQ(drain(stream), expected);
}

TEST_P(imap_async, keeps_no_more_in_flight_than_it_may) {
  auto pool = make_pool();
  peak running;
  const auto out = drain(pool.imap(
      [&](int x) {
        running.enter();
        return pool.submit_after(2ms, [&running, x] {
          running.leave();
          return x;
        });
      },
      numbers(30), {.buffer = 20, .in_flight = 4}));
  EXPECT_EQ(out, numbers(30));
  EXPECT_LE(running.most(), 4);
  EXPECT_GE(running.most(), 2);
}

// The point of it all: ten thousand things in flight by hundreds need no hundreds of threads.
TEST_P(imap_async, holds_no_thread_while_elements_are_in_flight) {
  allow(60s);
  auto pool = make_pool();
  std::atomic<int> in_flight{0};
  std::atomic<int> most{0};
  constexpr int n = 10'000;
  std::size_t got = 0;
  unsigned threads = 0;
  long long sum = 0;
  for (auto [index, value] : pool.imap_unordered(
           [&](int x) {
             const int now = ++in_flight;
             if (now > most) most = now;
             return pool.submit_after(2ms, [&in_flight, x] {
               --in_flight;
               return x;
             });
           },
           std::views::iota(0, n), {.in_flight = 256})) {
    ++got;
    sum += value;
    if (got % 100 == 0) {
      const auto stats = pool.stats();
      threads = std::max(threads, stats.io_threads + static_cast<unsigned>(stats.spares_started));
    }
  }
  EXPECT_EQ(got, static_cast<std::size_t>(n));
  EXPECT_EQ(sum, 1LL * n * (n - 1) / 2);
  EXPECT_LE(most, 256);
  EXPECT_GE(most, 100);
  EXPECT_LE(threads, 8U) << "besides the workers";
}

// ---- errors -----------------------------------------------------------------------------------

TEST_P(imap_async, raises_the_error_of_a_future_at_its_element_and_goes_on) {
  filch_test::unhandled_errors unhandled;
  auto pool = make_pool({.on_unhandled = unhandled.handler()});
  auto stream = pool.imap(
      [&](int x) {
        if (x == 1) throw std::runtime_error("at once");
        return pool.submit_after(1ms, [x] {
          if (x == 3) throw std::runtime_error("later");
          return x;
        });
      },
      numbers(5));
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), std::runtime_error);
  EXPECT_EQ(stream.next(), 2);
  EXPECT_THROW(stream.next(), std::runtime_error);
  EXPECT_EQ(stream.next(), 4);
  EXPECT_EQ(stream.next(), std::nullopt);
  EXPECT_EQ(unhandled.count(), 0U);
}

TEST_P(imap_async, names_the_error_of_a_future_with_nothing_behind_it) {
  auto pool = make_pool();
  auto stream = pool.imap(
      [&](int x) { return x == 1 ? filch::future<int>() : pool.submit(square, x); }, numbers(3));
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), filch::no_result);
  EXPECT_EQ(stream.next(), 4);
}

TEST_P(imap_async, raises_what_moving_a_result_throws) {
  const no_leaks check;
  auto pool = make_pool();
  auto stream = pool.imap(
      [&](int x) { return pool.submit([x] { return filch_test::throwing_move(x); }); }, numbers(2));
  int came = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it) {
    try {
      EXPECT_EQ((*it).value, came);
    } catch (const filch_test::copy_failed&) {
    }
    ++came;
  }
  EXPECT_EQ(came, 2);
}

// ---- stopping ---------------------------------------------------------------------------------

TEST_P(imap_async, cancels_what_is_in_flight_when_it_is_destroyed) {
  const no_leaks check;
  auto pool = make_pool();
  const auto begin = std::chrono::steady_clock::now();
  {
    auto stream = pool.imap([&](int x) { return pool.submit_after(x == 0 ? 1ms : 60s, square, x); },
                            numbers(20), {.in_flight = 8});
    EXPECT_EQ(stream.next(), 0);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST_P(imap_async, asks_jobs_behind_its_futures_to_stop_and_waits_for_them) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  const auto io = pool.with(filch::on_io);
  std::atomic<int> running{0};
  {
    auto stream = pool.imap(
        [&](int x) {
          return io.submit([&running, x] {
            ++running;
            while (x > 0 && !filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
            --running;
            return x;
          });
        },
        numbers(4));
    EXPECT_EQ(stream.next(), 0);
    EXPECT_TRUE(eventually([&] { return running == 3; }));
  }
  EXPECT_EQ(running, 0);
}

/// Promises that are kept, on a thread of its own: for 0 at once, for others when they are asked to
/// stop.
class keeper {
 public:
  filch::future<int> give(const filch::pool& pool, int x) {
    const std::lock_guard lock(mutex_);
    ++given_;
    open_.emplace_back(x, filch::promise<int>(pool));
    return open_.back().second.get_future();
  }
  int given() const { return given_; }
  int asked() const { return asked_; }

 private:
  void keep(std::stop_token over) {
    while (!over.stop_requested()) {
      std::this_thread::sleep_for(1ms);
      const std::lock_guard lock(mutex_);
      std::erase_if(open_, [this](auto& one) {
        auto& [x, promise] = one;
        if (x != 0 && !promise.stop_token().stop_requested()) return false;
        if (x != 0) ++asked_;
        return promise.set_value(x);
      });
    }
  }

  std::mutex mutex_;
  std::vector<std::pair<int, filch::promise<int>>> open_;
  std::atomic<int> given_{0};
  std::atomic<int> asked_{0};
  std::jthread thread_{[this](std::stop_token over) { keep(std::move(over)); }};
};

TEST_P(imap_async, asks_those_who_have_given_it_promises_to_stop_and_waits_for_them) {
  auto pool = make_pool();
  keeper promises;
  {
    auto stream =
        pool.imap([&](int x) { return promises.give(pool, x); }, numbers(20), {.buffer = 5});
    EXPECT_EQ(stream.next(), 0);
  }
  EXPECT_EQ(promises.asked() + 1, promises.given());
}

TEST_P(imap_async, says_that_it_was_cancelled_when_it_is_stopped_from_outside) {
  auto pool = make_pool();
  std::stop_source stop;
  auto stream =
      pool.imap_unordered([&](int x) { return pool.submit_after(x == 0 ? 1ms : 60s, square, x); },
                          std::views::iota(0), {.in_flight = 8, .stop = stop.get_token()});
  EXPECT_EQ(stream.next()->index, 0U);
  stop.request_stop();
  EXPECT_THROW(while (stream.next()){}, filch::cancelled);
  EXPECT_FALSE(stream.next());
}

TEST_P(imap_async, raises_timed_out_at_the_element_whose_future_took_too_long) {
  auto pool = make_pool();
  auto stream = pool.imap(
      [&](int x) { return pool.submit_after(x == 1 ? 60s : std::chrono::seconds(0), square, x); },
      numbers(3), {.timeout_each = 250ms});
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(stream.next(), 4);
}

TEST_P(imap_async, raises_timed_out_when_the_time_of_the_stream_is_up) {
  auto pool = make_pool();
  auto stream = pool.imap([&](int x) { return pool.submit_after(x == 0 ? 0s : 60s, square, x); },
                          std::views::iota(0), {.in_flight = 4, .timeout = 250ms});
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_P(imap_async, says_that_it_was_cancelled_by_shutdown) {
  auto pool = make_pool();
  auto stream = pool.imap([&](int x) { return pool.submit_after(60s, square, x); }, numbers(4));
  EXPECT_TRUE(pool.shutdown_for(10s).finished);
  EXPECT_THROW(stream.next(), filch::cancelled);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_P(imap_async, frees_all_when_it_is_destroyed_half_read) {
  const long before = ledger::global().live;
  auto pool = make_pool();
  {
    auto stream = pool.imap(
        [&pool, held = counted(1)](counted x) {
          return pool.submit([value = x.value] { return counted(value); });
        },
        std::vector<counted>(50), {.buffer = 10});
    EXPECT_EQ(stream.next()->value, 0);
  }
  EXPECT_TRUE(eventually([&] { return ledger::global().live == before; }));
}

// ---- where nobody else would do the work ------------------------------------------------------

TEST_P(imap_async, is_consumed_inside_a_job_of_a_pool_of_one) {
  auto pool = make_pool_of(1);
  auto sum = pool.submit([&pool] {
    int total = 0;
    for (const int value : pool.imap(later{&pool}, numbers(20), {.in_flight = 4})) total += value;
    for (auto [index, value] : pool.imap_unordered(later{&pool}, numbers(20))) total += value;
    return total;
  });
  EXPECT_EQ(sum.get(), 2 * 2470);
}

TEST_P(imap_async, is_consumed_inside_a_job_of_a_pool_that_gets_no_more_threads) {
  auto pool = make_pool_of(1, {.max_threads = 1});
  auto sum = pool.submit([&pool] {
    int total = 0;
    const auto at_once = [&](int x) { return pool.submit(square, x); };
    for (const int value : pool.imap(at_once, numbers(20))) total += value;
    for (auto [index, value] : pool.imap_unordered(at_once, numbers(20))) total += value;
    return total;
  });
  EXPECT_EQ(sum.get(), 2 * 2470);
}

TEST_P(imap_async, half_read_keeps_no_pool_from_ending) {
  auto pool = make_heap_pool();
  auto& p = *pool;
  auto stream = pool->imap(later{&p}, std::views::iota(0), {.buffer = 4});
  EXPECT_EQ(stream.next(), 0);
  pool->close();
  pool->join();
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(stream.next(), i * i) << "accepted before the end";
  EXPECT_THROW(stream.next(), filch::pool_closed);
}

}  // namespace
