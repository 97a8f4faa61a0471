// Streams with keys: at most so many of one key in flight, and none held up by another's.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <numeric>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <filch/imap.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/input_range.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::endless_input;
using filch_test::gate;
using filch_test::no_leaks;
using filch_test::peak;

FILCH_CONFORMANCE(imap_keys);

constexpr auto io = filch::lane::io;

std::vector<int> numbers(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

std::string last_digit(int x) { return std::to_string(x % 10); }
std::string parity(int x) { return x % 2 == 0 ? "even" : "odd"; }

/// How many of each key run at once, and in which order they begin.
class by_key {
 public:
  void enter(const std::string& key, int x) {
    const std::lock_guard lock(mutex_);
    most_[key] = std::max(most_[key], ++running_[key]);
    began_[key].push_back(x);
  }
  void leave(const std::string& key) {
    const std::lock_guard lock(mutex_);
    --running_[key];
  }
  int most() const {
    int out = 0;
    for (const auto& [key, n] : most_) out = std::max(out, n);
    return out;
  }
  bool each_in_order() const {
    return std::ranges::all_of(began_,
                               [](const auto& k) { return std::ranges::is_sorted(k.second); });
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> running_;
  std::map<std::string, int> most_;
  std::map<std::string, std::vector<int>> began_;
};

TEST_P(imap_keys, runs_no_more_of_one_key_at_once_than_per_key_allows) {
  auto pool = make_pool();
  by_key seen;
  peak running;
  std::set<std::size_t> came;
  for (auto [index, value] : pool.imap_unordered(
           [&](int x) {
             seen.enter(last_digit(x), x);
             running.enter();
             std::this_thread::sleep_for(1ms);
             running.leave();
             seen.leave(last_digit(x));
             return x;
           },
           numbers(120), {.in_flight = 12, .key = last_digit, .lane = io, .per_key = 2})) {
    EXPECT_EQ(value, static_cast<int>(index));
    came.insert(index);
  }
  EXPECT_EQ(came.size(), 120U);
  EXPECT_LE(seen.most(), 2);
  EXPECT_LE(running.most(), 12);
}

TEST_P(imap_keys, takes_whole_numbers_and_views_of_a_text_for_keys) {
  auto pool = make_pool();
  const auto same = [](int x) { return x; };
  const auto bits = [](int x) { return std::string_view("aaab").substr(std::size_t(x) % 4, 1); };
  int sum = 0;
  for (const int x : pool.imap(same, numbers(20),
                               {.key = [](int x) { return x % 3; }, .lane = io, .per_key = 1})) {
    sum += x;
  }
  for (const int x : pool.imap(same, numbers(20), {.key = bits, .lane = io, .per_key = 2}))
    sum -= x;
  EXPECT_EQ(sum, 0);
}

TEST_P(imap_keys, starts_the_elements_of_a_key_in_the_order_of_the_input) {
  auto pool = make_pool();
  by_key seen;
  std::size_t came = 0;
  for (auto&& one : pool.imap_unordered(
           [&](int x) {
             seen.enter(parity(x), x);
             if (x % 3 == 0) std::this_thread::sleep_for(200us);
             seen.leave(parity(x));
             return x;
           },
           numbers(60), {.in_flight = 4, .key = parity, .lane = io, .per_key = 1})) {
    came += one.value >= 0 ? 1 : 0;
  }
  EXPECT_EQ(came, 60U);
  EXPECT_EQ(seen.most(), 1);
  EXPECT_TRUE(seen.each_in_order());
}

TEST_P(imap_keys, lets_no_key_at_its_limit_hold_up_another) {
  gate slow;
  auto pool = make_pool();
  // The first ten are of one key, which stands still.
  auto stream = pool.imap_unordered(
      [&](int x) {
        if (x < 10) slow.wait();
        return x;
      },
      numbers(30),
      {.buffer = 30,
       .in_flight = 4,
       .key = [](int x) { return x < 10 ? "slow" : last_digit(x); },
       .lane = io,
       .per_key = 2});
  for (int i = 0; i < 20; ++i) EXPECT_GE(stream.next()->value, 10);
  slow.open();
  for (int i = 0; i < 10; ++i) EXPECT_LT(stream.next()->value, 10);
  EXPECT_FALSE(stream.next());
}

TEST_P(imap_keys, keeps_the_order_of_an_ordered_stream) {
  auto pool = make_pool();
  by_key seen;
  auto stream = pool.imap(
      [&](int x) {
        seen.enter(parity(x), x);
        std::this_thread::sleep_for(std::chrono::microseconds(x % 5 == 0 ? 500 : 10));
        seen.leave(parity(x));
        return x;
      },
      numbers(60), {.in_flight = 3, .key = parity, .lane = io, .per_key = 1});
  for (int i = 0; i < 60; ++i) EXPECT_EQ(stream.next(), i);
  EXPECT_FALSE(stream.next());
  EXPECT_EQ(seen.most(), 1);
}

TEST_P(imap_keys, looks_for_other_keys_no_further_than_its_window) {
  auto pool = make_pool();
  endless_input chosen;
  auto bounded = pool.imap_unordered([](int x) { return x; }, std::views::all(chosen),
                                     {.buffer = 9, .key = parity, .per_key = 1});
  EXPECT_EQ(chosen.steps() + 1, 9U);
  endless_input unsaid;
  auto by_default = pool.imap_unordered([](int x) { return x; }, std::views::all(unsaid),
                                        {.in_flight = 3, .key = parity, .lane = io, .per_key = 1});
  EXPECT_EQ(unsaid.steps() + 1, 4U * 3U);
}

TEST_P(imap_keys, may_be_of_tuples_and_given_to_free_functions) {
  auto pool = make_pool();
  const auto xs = numbers(12);
  const auto first = [](const auto& t) { return std::to_string(std::get<0>(t) % 3); };
  const auto add = [](int a, int b) { return a + b; };
  int total = 0;
  for (int v : pool.istarmap(add, filch::zip(xs, xs), {.key = first, .per_key = 1})) total += v;
  for (auto [i, v] :
       pool.istarmap_unordered(add, filch::zip(xs, xs), {.key = first, .per_key = 1})) {
    total += v;
  }
  EXPECT_EQ(total, 4 * 66);
  auto inside = pool.submit([&] {
    int sum = 0;
    for (int v : filch::imap([](int x) { return x; }, xs, {.key = parity, .per_key = 1})) sum += v;
    for (auto [i, v] :
         filch::imap_unordered([](int x) { return x; }, xs, {.key = parity, .per_key = 1})) {
      sum += v;
    }
    for (int v : filch::istarmap(add, filch::zip(xs, xs), {.key = first, .per_key = 1})) sum += v;
    for (auto [i, v] :
         filch::istarmap_unordered(add, filch::zip(xs, xs), {.key = first, .per_key = 1})) {
      sum += v;
    }
    return sum;
  });
  EXPECT_EQ(inside.get(), 6 * 66);
}

TEST_P(imap_keys, limits_what_is_in_flight_without_a_thread) {
  auto pool = make_pool();
  by_key seen;
  std::size_t came = 0;
  for (auto&& one : pool.imap_unordered(
           [&](int x) {
             seen.enter(parity(x), x);
             return pool.submit_after(1ms, [&seen, x] {
               seen.leave(parity(x));
               return x;
             });
           },
           numbers(40), {.in_flight = 30, .key = parity, .per_key = 3})) {
    came += one.value >= 0 ? 1 : 0;
  }
  EXPECT_EQ(came, 40U);
  EXPECT_LE(seen.most(), 3);
}

TEST_P(imap_keys, raises_what_a_key_throws_at_its_element_and_goes_on) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> called{0};
  const auto key = [](int x) -> std::string {
    if (x % 4 == 1) throw std::runtime_error("no key");
    return parity(x);
  };
  const auto f = [&](int x) {
    ++called;
    return x;
  };
  auto ordered = pool.imap(f, numbers(8), {.key = key, .per_key = 1});
  int good = 0;
  int bad = 0;
  for (auto it = ordered.begin(); it != ordered.end(); ++it) {
    try {
      EXPECT_NE(*it % 4, 1);
      ++good;
    } catch (const std::runtime_error&) {
      ++bad;
    }
  }
  EXPECT_EQ(good, 6);
  EXPECT_EQ(bad, 2);
  auto unordered = pool.imap_unordered(f, numbers(8), {.key = key, .per_key = 1});
  for (auto it = unordered.begin(); it != unordered.end(); ++it) {
    try {
      EXPECT_NE((*it).value % 4, 1);
      ++good;
    } catch (const std::runtime_error&) {
      ++bad;
    }
  }
  EXPECT_EQ(good, 12);
  EXPECT_EQ(bad, 4);
  EXPECT_EQ(called, 12) << "it is not called for an element without a key";
}

TEST_P(imap_keys, goes_on_past_elements_that_fail) {
  auto pool = make_pool();
  auto stream = pool.imap_unordered(
      [](int x) {
        if (x % 2 == 0) throw std::runtime_error("even");
        return x;
      },
      numbers(20), {.key = [](int) { return "one"; }, .lane = io, .per_key = 1});
  int good = 0;
  int bad = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it) {
    try {
      good += (*it).value % 2;
    } catch (const std::runtime_error&) {
      ++bad;
    }
  }
  EXPECT_EQ(good, 10);
  EXPECT_EQ(bad, 10);
}

TEST_P(imap_keys, drops_what_waits_for_its_key_when_it_is_destroyed) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> ran{0};
  {
    auto stream = pool.imap_unordered(
        [&](int x) {
          ++ran;
          if (x > 0) {
            while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
          }
          return x;
        },
        numbers(20), {.buffer = 20, .key = [](int) { return "one"; }, .lane = io, .per_key = 1});
    EXPECT_EQ(stream.next()->value, 0);
  }
  EXPECT_LE(ran, 2);
}

TEST_P(imap_keys, is_refused_without_its_other_half) {
  auto pool = make_pool();
  const auto f = [](int x) { return x; };
  EXPECT_THROW((void)pool.imap(f, numbers(2), {.key = parity}), std::invalid_argument);
  EXPECT_THROW((void)pool.imap(f, numbers(2), {.per_key = 2}), std::invalid_argument);
  EXPECT_THROW((void)pool.imap_unordered(f, numbers(2), {.key = parity, .per_key = 0}),
               std::invalid_argument);
}

TEST_P(imap_keys, is_consumed_inside_a_job_of_a_pool_of_one) {
  auto pool = make_pool_of(1);
  auto sum = pool.submit([&pool] {
    int total = 0;
    for (int v : pool.imap([](int x) { return x; }, numbers(40),
                           {.buffer = 12, .in_flight = 2, .key = last_digit, .per_key = 1})) {
      total += v;
    }
    return total;
  });
  EXPECT_EQ(sum.get(), 780);
}

}  // namespace
