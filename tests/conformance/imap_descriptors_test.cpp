// Streams that find no file descriptor: fewer are in flight, and nothing is lost.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <filch/imap.hpp>
#include <filch/pool.hpp>
#include <filch/promise.hpp>
#include <filch/ranges.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::no_leaks;
using filch_test::peak;

FILCH_CONFORMANCE(imap_descriptors);

constexpr auto io = filch::lane::io;

std::vector<int> numbers(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

std::system_error no_descriptor(std::errc why = std::errc::too_many_files_open) {
  return std::system_error(std::make_error_code(why), "open");
}

/// So many descriptors, of which each call needs one.
class descriptors {
 public:
  explicit descriptors(int n) : left_(n) {}
  void open() {
    ++calls_;
    const std::lock_guard lock(mutex_);
    if (left_ == 0) throw no_descriptor();
    --left_;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    ++left_;
  }
  int calls() const { return calls_; }

 private:
  std::mutex mutex_;
  int left_;
  std::atomic<int> calls_{0};
};

TEST_P(imap_descriptors, that_run_out_are_waited_for) {
  auto pool = make_pool();
  descriptors table(5);
  const auto xs = numbers(200);
  const auto f = [&](int x) {
    table.open();
    std::this_thread::sleep_for(500us);
    table.close();
    return x;
  };
  int expected = 0;
  for (const int x : pool.imap(f, xs, {.in_flight = 32, .lane = io})) EXPECT_EQ(x, expected++);
  EXPECT_EQ(expected, 200);
  std::set<std::size_t> seen;
  for (auto [index, value] : pool.imap_unordered(f, xs, {.in_flight = 32, .lane = io})) {
    seen.insert(index);
  }
  EXPECT_EQ(seen.size(), 200U);
  EXPECT_LE(table.calls(), 800) << "it learns";
}

TEST_P(imap_descriptors, are_waited_for_by_futures_too) {
  auto pool = make_pool();
  descriptors table(4);
  const auto xs = numbers(100);
  int expected = 0;
  for (const int x : pool.imap(
           [&](int x) {
             if (x % 2 == 0) table.open();  // at once, or later
             return pool.submit_after(1ms, [&table, x] {
               if (x % 2 == 1) table.open();
               table.close();
               return x;
             });
           },
           xs, {.in_flight = 24})) {
    EXPECT_EQ(x, expected++);
  }
  EXPECT_EQ(expected, 100);
}

TEST_P(imap_descriptors, keep_their_keys_in_order_when_they_are_waited_for) {
  auto pool = make_pool();
  descriptors table(3);
  const auto xs = numbers(60);
  std::mutex mutex;
  std::vector<int> began[2];
  for (auto&& one : pool.imap_unordered(
           [&](int x) {
             table.open();
             {
               const std::lock_guard lock(mutex);
               began[x % 2].push_back(x);
             }
             std::this_thread::sleep_for(100us);
             table.close();
             return x;
           },
           xs,
           {.in_flight = 8,
            .key = [](int x) { return x % 2 == 0 ? "even" : "odd"; },
            .lane = io,
            .per_key = 1})) {
    EXPECT_EQ(one.value, static_cast<int>(one.index));
  }
  for (const auto& key : began) {
    EXPECT_EQ(key.size(), 30U);
    EXPECT_TRUE(std::is_sorted(key.begin(), key.end()));
  }
}

TEST_P(imap_descriptors, that_are_not_there_for_one_alone_are_its_error) {
  auto pool = make_pool();
  const auto xs = numbers(20);
  std::atomic<int> calls{0};
  auto stream = pool.imap(
      [&](int x) {
        ++calls;
        if (x % 5 == 0) {
          throw no_descriptor(x == 0 ? std::errc::too_many_files_open_in_system
                                     : std::errc::too_many_files_open);
        }
        return x;
      },
      xs, {.in_flight = 4, .lane = io});
  int good = 0;
  int bad = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it) {
    try {
      EXPECT_NE(*it % 5, 0);
      ++good;
    } catch (const std::system_error&) {
      ++bad;
    }
  }
  EXPECT_EQ(good, 16);
  EXPECT_EQ(bad, 4);
}

TEST_P(imap_descriptors, are_recognised_behind_another_error) {
  auto pool = make_pool();
  descriptors table(2);
  const auto xs = numbers(30);
  int expected = 0;
  for (const int x : pool.imap(
           [&](int x) {
             try {
               table.open();
             } catch (...) {
               std::throw_with_nested(std::runtime_error("the request failed"));
             }
             std::this_thread::sleep_for(200us);
             table.close();
             return x;
           },
           xs, {.in_flight = 8, .lane = io})) {
    EXPECT_EQ(x, expected++);
  }
  EXPECT_EQ(expected, 30);
}

TEST_P(imap_descriptors, are_not_waited_for_by_an_element_that_was_given_away) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<std::string> words;
  for (int i = 0; i < 8; ++i) words.push_back(std::to_string(i));
  std::atomic<int> calls{0};
  auto stream = pool.imap(
      [&](std::string word) {
        ++calls;
        if (word == "3") throw no_descriptor();
        return word;
      },
      std::move(words), {.in_flight = 4, .lane = io});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(stream.next(), std::to_string(i));
  EXPECT_THROW(stream.next(), std::system_error);
  for (int i = 4; i < 8; ++i) EXPECT_EQ(stream.next(), std::to_string(i));
  EXPECT_EQ(calls, 8);
}

TEST_P(imap_descriptors, that_are_waited_for_do_not_hold_up_the_end_of_the_stream) {
  const no_leaks check;
  auto pool = make_pool();
  const auto xs = numbers(20);
  {
    auto stream = pool.imap(
        [&](int x) {
          if (x > 2) throw no_descriptor();
          while (x > 0 && !filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
          return x;
        },
        xs, {.buffer = 20, .in_flight = 8, .lane = io});
    EXPECT_EQ(stream.next(), 0);
  }
  EXPECT_EQ(pool.submit([] { return 1; }).get(), 1);
}

// The first element waits for the second then, which only the consumer may be able to run.
TEST_P(imap_descriptors, that_run_out_at_the_first_element_do_not_hold_up_a_consumer_in_a_job) {
  auto pool = make_pool_of(1, {.max_threads = 1});
  std::atomic<int> tries{0};
  std::mutex mutex;  // two elements may begin at once
  std::vector<std::thread> keepers;
  auto job = pool.submit([&] {
    int sum = 0;
    const std::vector<int> xs{0, 1};
    const auto later = [&](int x) {
      filch::promise<int> given;
      auto answer = given.get_future();
      const std::lock_guard lock(mutex);
      keepers.emplace_back([given = std::move(given), x, bad = x == 0 && tries++ == 0]() mutable {
        std::this_thread::sleep_for(5ms);
        if (bad) {
          given.set_error(std::make_exception_ptr(no_descriptor()));
        } else {
          given.set_value(x + 1);
        }
      });
      return answer;
    };
    for (const int x : pool.imap(later, xs)) sum += x;
    return sum;
  });
  EXPECT_EQ(job.get(), 3);
  for (auto& keeper : keepers) keeper.join();
}

}  // namespace
