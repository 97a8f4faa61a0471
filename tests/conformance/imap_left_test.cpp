// Elements whose time is up: those that obey are joined, those that do not are left behind where
// nothing they use belongs to somebody else.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>
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
using filch_test::gate;
using filch_test::ledger;

FILCH_CONFORMANCE(imap_left);

constexpr auto io = filch::lane::io;
constexpr auto briefly = filch::losers::join_for(10ms);
using std::chrono::steady_clock;

std::vector<int> numbers(int n) {
  std::vector<int> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

/// What elements that stand still leave behind; shared with them, as they may outlive the test's
/// frame.
struct trail {
  gate door;
  std::atomic<int> ended{0};
};
using trail_ptr = std::shared_ptr<trail>;

/// Squares, but stands still at some elements until the door opens, deaf to its stop.
struct deaf_at {
  trail_ptr left;
  int first;
  int last;
  counted mine{1};
  int operator()(int x) const {
    if (x >= first && x <= last) {
      left->door.wait();
      ++left->ended;
    }
    return x * x;
  }
};

/// Says on which thread it was destroyed.
class told_of_its_end {
 public:
  explicit told_of_its_end(std::shared_ptr<std::atomic<std::thread::id>> where)
      : where_(std::move(where)) {}
  told_of_its_end(told_of_its_end&&) noexcept = default;
  told_of_its_end& operator=(told_of_its_end&&) noexcept = default;
  ~told_of_its_end() {
    if (where_) *where_ = std::this_thread::get_id();
  }

 private:
  std::shared_ptr<std::atomic<std::thread::id>> where_;
};

TEST_P(imap_left, element_raises_timed_out_and_gives_its_place_to_others) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  auto stream =
      pool.imap(deaf_at{left, 1, 1}, numbers(6),
                {.buffer = 3, .in_flight = 1, .lane = io, .losers = briefly, .timeout_each = 30ms});
  EXPECT_EQ(stream.next(), 0);
  EXPECT_THROW(stream.next(), filch::timed_out);
  for (int i = 2; i < 6; ++i) EXPECT_EQ(stream.next(), i * i);
  EXPECT_EQ(stream.next(), std::nullopt);
  EXPECT_EQ(left->ended, 0);
  left->door.open();
}

TEST_P(imap_left, element_of_an_unordered_stream_gives_its_place_to_others) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  auto stream = pool.imap_unordered(deaf_at{left, 0, 2}, numbers(9),
                                    {.in_flight = 1,
                                     .key = [](int) { return "one"; },
                                     .lane = io,
                                     .losers = briefly,
                                     .per_key = 1,
                                     .timeout_each = 20ms});
  int good = 0;
  int late = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it) {
    try {
      EXPECT_GT((*it).index, 2U);
      ++good;
    } catch (const filch::timed_out&) {
      ++late;
    }
  }
  EXPECT_EQ(good, 6);
  EXPECT_EQ(late, 3);
  EXPECT_EQ(left->ended, 0);
  left->door.open();
}

TEST_P(imap_left, elements_outlive_stream_and_pool_and_end_by_themselves) {
  const long before = ledger::global().live;
  const auto left = std::make_shared<trail>();
  {
    auto pool = make_heap_pool();
    {
      auto stream =
          pool->imap([f = deaf_at{left, 0, 1}](const counted& x) { return counted(f(x.value)); },
                     [] {
                       std::vector<counted> xs;
                       for (int i = 0; i < 4; ++i) xs.emplace_back(i);
                       return xs;
                     }(),
                     {.lane = io, .timeout_each = 20ms});
      EXPECT_THROW(stream.next(), filch::timed_out);
      EXPECT_THROW(stream.next(), filch::timed_out);
      EXPECT_EQ(stream.next()->value, 4);
    }
    EXPECT_EQ(pool->submit([] { return 7; }).get(), 7);
    pool.reset();
  }
  EXPECT_EQ(left->ended, 0);
  EXPECT_GT(ledger::global().live, before) << "what they use is kept for them";
  left->door.open();
  EXPECT_TRUE(eventually([&] { return left->ended == 2; }));
  EXPECT_TRUE(eventually([&] { return ledger::global().live == before; }))
      << "callable, elements and results end with the last of them";
}

TEST_P(imap_left, result_that_comes_late_is_destroyed_on_its_own_thread) {
  const auto left = std::make_shared<trail>();
  const auto made_on = std::make_shared<std::atomic<std::thread::id>>();
  const auto ended_on = std::make_shared<std::atomic<std::thread::id>>();
  auto pool = make_pool();
  auto stream = pool.imap(
      [left, made_on, ended_on](int) {
        left->door.wait();
        *made_on = std::this_thread::get_id();
        return told_of_its_end(ended_on);
      },
      numbers(1), {.lane = io, .timeout_each = 20ms});
  EXPECT_THROW(stream.next(), filch::timed_out);
  left->door.open();
  EXPECT_TRUE(eventually([&] { return ended_on->load() != std::thread::id(); }));
  EXPECT_EQ(ended_on->load(), made_on->load());
}

TEST_P(imap_left, elements_count_against_no_limit_of_threads) {
  const auto left = std::make_shared<trail>();
  // Room for one thread besides the workers.
  auto pool = make_pool({.max_threads = workers() + 1});
  auto stream = pool.imap(deaf_at{left, 0, 3}, numbers(8),
                          {.lane = io, .losers = briefly, .timeout_each = 20ms});
  for (int i = 0; i < 4; ++i) EXPECT_THROW(stream.next(), filch::timed_out);
  for (int i = 4; i < 8; ++i) EXPECT_EQ(stream.next(), i * i);
  left->door.open();
}

TEST_P(imap_left, element_is_not_waited_for_when_the_stream_is_destroyed) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  {
    auto stream = pool.imap(deaf_at{left, 1, 1}, numbers(3), {.lane = io, .timeout_each = 1h});
    EXPECT_EQ(stream.next(), 0);
    EXPECT_TRUE(left->door.wait_for_visitors(1));
  }
  EXPECT_EQ(left->ended, 0);
  left->door.open();
}

TEST_P(imap_left, future_that_does_not_hear_is_left_behind) {
  const auto left = std::make_shared<trail>();
  auto elsewhere = make_pool();
  const auto there = elsewhere.with(filch::on_io);
  {
    auto pool = make_heap_pool();
    auto stream = pool->imap(
        [there, left](int x) {
          return there.submit([left, x] {
            if (x == 1) left->door.wait();
            if (x == 1) ++left->ended;
            return x;
          });
        },
        numbers(4), {.in_flight = 1, .losers = briefly, .timeout_each = 40ms});
    EXPECT_EQ(stream.next(), 0);
    EXPECT_THROW(stream.next(), filch::timed_out);
    EXPECT_EQ(stream.next(), 2);
    EXPECT_EQ(stream.next(), 3);
    pool.reset();
  }
  EXPECT_EQ(left->ended, 0);
  left->door.open();
  EXPECT_TRUE(eventually([&] { return left->ended == 1; }));
}

TEST_P(imap_left, promise_that_nobody_keeps_holds_up_neither_stream_nor_pool) {
  const long before = ledger::global().live;
  std::optional<filch::promise<counted>> given;
  {
    auto pool = make_heap_pool();
    auto stream = pool->imap([&given, &p = *pool, held = counted(1)](
                                 const counted&) { return given.emplace(p).get_future(); },
                             std::vector<counted>(1), {.losers = briefly, .timeout_each = 20ms});
    EXPECT_THROW(stream.next(), filch::timed_out);
    EXPECT_EQ(stream.next(), std::nullopt);
    pool.reset();
  }
  EXPECT_GT(ledger::global().live, before) << "what it may still use is kept for it";
  EXPECT_TRUE(given->set_value(7));
  given.reset();
  EXPECT_EQ(ledger::global().live, before);
}

// ---- who is waited for ------------------------------------------------------------------------

/// Does not hear its stop at once, but ends before it would be left behind.
struct slow_to_hear {
  trail_ptr left;
  int operator()(int x) const {
    if (x == 0) {
      while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
      std::this_thread::sleep_for(10ms);
      ++left->ended;
    }
    return x;
  }
};

/// Hears nothing, and takes longer than an element is given that may be left behind.
struct slow_and_deaf {
  trail_ptr left;
  int operator()(int x) const {
    if (x == 0) {
      std::this_thread::sleep_for(160ms);
      ++left->ended;
    }
    return x;
  }
};

TEST_P(imap_left, element_that_obeys_its_stop_is_waited_for) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  auto stream = pool.imap(slow_to_hear{left}, numbers(2), {.lane = io, .timeout_each = 20ms});
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 1);
  EXPECT_EQ(stream.next(), 1);
}

TEST_P(imap_left, element_that_belongs_to_somebody_else_is_waited_for) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  const auto xs = numbers(2);
  auto stream = pool.imap(slow_and_deaf{left}, xs, {.lane = io, .timeout_each = 20ms});
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 1);
  EXPECT_EQ(stream.next(), 1);
  auto zipped = pool.istarmap([f = slow_and_deaf{left}](int a, int) { return f(a); },
                              filch::zip(xs, xs), {.lane = io, .timeout_each = 20ms});
  EXPECT_THROW(zipped.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 2);
}

TEST_P(imap_left, element_whose_callable_belongs_to_somebody_else_is_waited_for) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  slow_and_deaf f{left};
  auto stream = pool.imap(std::ref(f), numbers(1), {.lane = io, .timeout_each = 20ms});
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 1);
}

TEST_P(imap_left, element_that_a_worker_is_at_is_waited_for) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  auto stream = pool.imap(slow_and_deaf{left}, numbers(1), {.timeout_each = 20ms});
  EXPECT_THROW(stream.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 1);
}

TEST_P(imap_left, element_is_waited_for_as_long_as_one_wants) {
  const auto left = std::make_shared<trail>();
  auto pool = make_pool();
  auto joined = pool.imap(slow_and_deaf{left}, numbers(1),
                          {.lane = io, .losers = filch::losers::join, .timeout_each = 20ms});
  EXPECT_THROW(joined.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 1);
  auto patient =
      pool.imap(slow_and_deaf{left}, numbers(1),
                {.lane = io, .losers = filch::losers::join_for(20s), .timeout_each = 20ms});
  EXPECT_THROW(patient.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 2);
  auto abandoned = pool.with({.lane = io, .losers = filch::losers::abandon, .timeout_each = 20ms})
                       .imap(slow_and_deaf{left}, numbers(1));
  EXPECT_THROW(abandoned.next(), filch::timed_out);
  EXPECT_EQ(left->ended, 2);
  EXPECT_TRUE(eventually([&] { return left->ended == 3; }));
}

}  // namespace
