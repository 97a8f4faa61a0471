#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/error.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/input_range.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::counted;
using filch_test::eventually;
using filch_test::gate;
using filch_test::ledger;
using filch_test::move_only;
using filch_test::no_leaks;

FILCH_CONFORMANCE(map_async);

int square(int x) { return x * x; }

std::vector<int> numbers(int n) {
  std::vector<int> xs(static_cast<std::size_t>(n));
  std::iota(xs.begin(), xs.end(), 0);
  return xs;
}
std::vector<int> squares(int n) {
  auto xs = numbers(n);
  for (int& x : xs) x *= x;
  return xs;
}

// mirrors CPython test_map_async
TEST_P(map_async, gives_results_in_input_order) {
  auto pool = make_pool();
  auto few = pool.map_async(square, numbers(10));
  auto many = pool.with({.chunk = 20}).map_async(square, numbers(10'000));
  EXPECT_EQ(many.get(), squares(10'000));
  EXPECT_EQ(few.get(), squares(10));
}

// mirrors CPython test_starmap_async
TEST_P(map_async, starmap_async_spreads_its_elements) {
  auto pool = make_pool();
  const auto times = [](int a, int b) { return a * b; };
  EXPECT_EQ(pool.starmap_async(times, filch::zip(filch::repeat(3), numbers(3))).get(),
            (std::vector{0, 3, 6}));
  EXPECT_EQ(pool.map_async(times, numbers(100), numbers(100)).get(), squares(100));
}

TEST_P(map_async, of_nothing_is_ready_at_once) {  // mirrors CPython test_empty_iterable
  auto pool = make_pool();
  auto nothing = pool.map_async(square, std::vector<int>{});
  EXPECT_TRUE(nothing.ready());
  EXPECT_TRUE(nothing.get().empty());
  EXPECT_FALSE(pool.map_async([](int) {}, std::vector<int>{}).cancel());
}

// mirrors CPython test_map_async_callbacks
TEST_P(map_async, calls_on_done_once_with_the_whole_vector) {
  auto pool = make_pool();
  std::atomic<int> done{0};
  std::atomic<int> failed{0};
  std::vector<int> seen;
  auto results = pool.map_async(square, numbers(5));
  results.on_done([&](const std::vector<int>& all) {
    seen = all;
    ++done;
  });
  results.on_error([&](const std::exception_ptr&) { ++failed; });
  results.wait();
  EXPECT_TRUE(eventually([&] { return done == 1; }));
  EXPECT_EQ(seen, squares(5));
  EXPECT_EQ(failed, 0);
}

TEST_P(map_async, calls_on_error_once_with_the_exception) {
  auto pool = make_pool();
  std::atomic<int> done{0};
  std::atomic<int> failed{0};
  std::string text;
  auto results = pool.map_async(
      [](int x) -> int { throw std::runtime_error("item " + std::to_string(x)); }, numbers(5));
  results.on_done([&](const std::vector<int>&) { ++done; });
  results.on_error([&](const std::exception_ptr& error) {
    text = filch::describe(error);
    ++failed;
  });
  results.wait();
  EXPECT_TRUE(eventually([&] { return failed == 1; }));
  EXPECT_EQ(text, "item 0");
  EXPECT_EQ(done, 0);
}

TEST_P(map_async, goes_on_with_then) {
  auto pool = make_pool();
  auto sum = pool.map_async(square, numbers(100)).then([](std::vector<int> all) {
    return std::accumulate(all.begin(), all.end(), 0);
  });
  EXPECT_EQ(sum.get(), 328'350);
}

TEST_P(map_async, copies_lvalues_so_that_the_caller_may_change_them) {
  auto pool = make_pool();
  gate door;
  auto xs = numbers(10);
  auto results = pool.with(filch::on_io)
                     .map_async(
                         [&](int x) {
                           door.wait();
                           return x;
                         },
                         xs);
  xs.assign(10, -1);
  xs.clear();
  door.open();
  EXPECT_EQ(results.get(), numbers(10));
}

TEST_P(map_async, moves_rvalues_in) {
  const no_leaks check;
  auto pool = make_pool();
  std::vector<move_only> xs;
  for (int i = 0; i < 10; ++i) xs.emplace_back(i);
  auto values = pool.map_async([](move_only x) { return x.value; }, std::move(xs));
  EXPECT_EQ(values.get(), numbers(10));
  const auto copies = ledger::global().copies.load();
  EXPECT_EQ(pool.map_async([](const counted& x) { return x.value; }, std::vector<counted>(10))
                .get()
                .size(),
            10U);
  EXPECT_EQ(ledger::global().copies.load(), copies);
}

TEST_P(map_async, borrows_what_it_is_lent) {
  auto pool = make_pool();
  auto xs = numbers(100);
  pool.map_async([](int& x) { x *= x; }, filch::borrow(xs)).get();
  EXPECT_EQ(xs, squares(100));
}

TEST_P(map_async, takes_single_pass_input_which_only_the_caller_advances) {
  auto pool = make_pool();
  EXPECT_EQ(pool.map_async(square, filch_test::input_range<int>({1, 2, 3})).get(),
            (std::vector{1, 4, 9}));
  std::list<std::string> words{"a", "bc"};
  EXPECT_EQ(pool.map_async(&std::string::size, words).get(), (std::vector<std::size_t>{1, 2}));
}

TEST_P(map_async, owns_its_callable) {
  const no_leaks check;
  auto pool = make_pool();
  auto results = [&] {
    const auto f = [c = counted(7)](int x) { return x + c.value; };
    return pool.map_async(f, numbers(10));
  }();
  EXPECT_EQ(results.get()[9], 16);
}

// mirrors CPython test_release_task_refs
TEST_P(map_async, keeps_neither_callable_nor_input_once_the_result_is_there) {
  auto pool = make_pool();
  const auto before = ledger::global().live.load();
  auto sizes = pool.map_async([c = counted(1)](const counted& x) { return x.value + c.value; },
                              std::vector<counted>(50));
  sizes.wait();
  EXPECT_EQ(ledger::global().live.load(), before);
  EXPECT_EQ(sizes.get().size(), 50U);

  auto failing = pool.map_async([c = counted(1)](const counted&) -> int { throw c.value; },
                                std::vector<counted>(50));
  failing.wait();
  EXPECT_EQ(ledger::global().live.load(), before);
  EXPECT_THROW((void)failing.get(), int);
}

TEST_P(map_async, gives_up_its_results_when_nobody_wants_them) {
  const no_leaks check;
  auto pool = make_pool();
  (void)pool.map_async([](int x) { return counted(x); }, numbers(1000));
  {
    const auto dropped = pool.map_async([](int x) { return counted(x); }, numbers(1000));
  }
}

TEST_P(map_async, finishes_before_the_pool_ends) {
  std::atomic<int> calls{0};
  std::optional<filch::future<std::vector<int>>> results;
  {
    auto pool = make_pool();
    results = pool.map_async(
        [&](int x) {
          ++calls;
          return x;
        },
        numbers(500));
  }
  EXPECT_EQ(calls, 500);
  EXPECT_TRUE(results->ready());
  EXPECT_EQ(results->get(), numbers(500));
}

TEST_P(map_async, is_run_by_who_waits_for_it) {
  auto pool = make_pool();
  // All workers are the waiter: without its own help it would wait for ever.
  const auto sum = pool.submit([&] {
                         const auto all = pool.map_async(square, numbers(100)).get();
                         return std::accumulate(all.begin(), all.end(), 0);
                       })
                       .get();
  EXPECT_EQ(sum, 328'350);
}

TEST_P(map_async, cancelled_before_any_item_has_run_never_runs) {
  const no_leaks check;
  auto pool = make_pool();
  std::optional<filch_test::busy_workers> busy;
  if (concurrent()) busy.emplace(pool, width());
  std::atomic<int> calls{0};
  auto results = pool.map_async(
      [&](int x) {
        ++calls;
        return counted(x);
      },
      numbers(100));
  EXPECT_TRUE(results.cancel());
  EXPECT_FALSE(results.cancel());
  EXPECT_TRUE(results.ready());
  EXPECT_THROW((void)results.get(), filch::cancelled);
  if (busy) busy->release();
  EXPECT_EQ(calls, 0);
}

TEST_P(map_async, cancelled_while_it_runs_stops_and_says_so) {
  const no_leaks check;
  auto pool = make_pool();
  gate door;
  auto results = pool.with({.in_flight = 2, .lane = filch::lane::io})
                     .map_async(
                         [&](int x) {
                           door.wait();
                           return counted(x);
                         },
                         numbers(100));
  ASSERT_TRUE(door.wait_for_visitors(2));
  EXPECT_FALSE(results.cancel());
  door.open();
  EXPECT_THROW((void)results.get(), filch::cancelled);
}

TEST_P(map_async, cancelled_too_late_to_stop_any_item_keeps_its_value) {
  auto pool = make_pool();
  gate door;
  auto results = pool.with(filch::on_io)
                     .map_async(
                         [&](int x) {
                           door.wait();
                           return x;
                         },
                         numbers(4));
  ASSERT_TRUE(door.wait_for_visitors(4));
  EXPECT_FALSE(results.cancel());
  door.open();
  EXPECT_EQ(results.get(), numbers(4));
}

TEST_P(map_async, obeys_a_stop_token_and_a_time_limit) {
  auto pool = make_pool();
  std::stop_source source;
  const auto until_stopped = [](const std::stop_token& stop, int) {
    while (!stop.stop_requested()) std::this_thread::yield();
  };
  auto stopped = pool.with({.lane = filch::lane::io, .stop = source.get_token()})
                     .map_async(until_stopped, numbers(1000));
  source.request_stop();
  EXPECT_THROW(stopped.get(), filch::cancelled);
  auto late =
      pool.with({.lane = filch::lane::io, .timeout = 20ms}).map_async(until_stopped, numbers(1000));
  EXPECT_THROW(late.get(), filch::timed_out);
}

TEST_P(map_async, follows_the_error_policies) {
  const no_leaks check;
  auto pool = make_pool();
  const auto picky = [](int x) {
    if (x >= 30 && x % 10 == 0) throw std::runtime_error(std::to_string(x));
    return counted(x);
  };
  auto serial = pool.map_async(picky, numbers(100));
  try {
    (void)serial.get();
    ADD_FAILURE() << "no exception";
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "30");
  }
  auto collected = pool.with({.errors = filch::errors::collect}).map_async(picky, numbers(100));
  try {
    (void)collected.get();
    ADD_FAILURE() << "no exception";
  } catch (const filch::errors_list& e) {
    EXPECT_EQ(e.errors().size(), 7U);
  }
}

TEST_P(map_async, whose_error_nobody_reads_is_reported) {
  filch_test::unhandled_errors unhandled;
  auto pool = make_pool({.on_unhandled = unhandled.handler()});
  (void)pool.map_async([](int) { throw std::runtime_error("unread"); }, numbers(3));
  pool.close();
  pool.join();
  EXPECT_TRUE(eventually([&] { return unhandled.count() == 1; }));
  EXPECT_EQ(unhandled.text(0), "unread");
}

// mirrors CPython test_async_timeout
TEST_P(map_async, get_for_throws_timed_out_and_can_be_asked_again) {
  auto pool = make_pool();
  gate door;
  auto results = pool.with(filch::on_io).map_async([&](int) { door.wait(); }, numbers(2));
  EXPECT_THROW(results.get_for(10ms), filch::timed_out);
  door.open();
  results.get();
}

}  // namespace
