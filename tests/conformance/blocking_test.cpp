// Jobs that block without a word, on lane::cpu: somebody stands in for their workers.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <thread>
#include <vector>

#include <filch/algorithm.hpp>
#include <filch/blocking.hpp>
#include <filch/fork_join.hpp>
#include <filch/graph.hpp>
#include <filch/map.hpp>
#include <filch/map_async.hpp>
#include <filch/pool.hpp>
#include <filch/scope.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using filch_test::eventually;
using filch_test::peak;

FILCH_CONFORMANCE(blocking);

/// Computes for about so long, whatever others do on the machine.
void compute(std::chrono::nanoseconds time) {
  timespec begin{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  timespec now = begin;
  while (std::chrono::seconds(now.tv_sec - begin.tv_sec) +
             std::chrono::nanoseconds(now.tv_nsec - begin.tv_nsec) <
         time) {
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  }
}

std::uint64_t noticed(const filch::pool& pool) {
  const auto stats = pool.stats();
  return stats.blocked_elsewhere + stats.blocked_in_locks;
}

// Generous: what a pool that notices nothing needs is ten times that.
constexpr auto one_sleep = 50ms;

TEST_P(blocking, items_of_a_map_sleep_at_the_same_time) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  std::vector<int> xs(64);
  std::iota(xs.begin(), xs.end(), 0);
  const auto begin = clock::now();
  const auto ys = pool.map(
      [](int x) {
        std::this_thread::sleep_for(one_sleep);
        return 2 * x;
      },
      xs);
  EXPECT_LT(clock::now() - begin, 64 / 2 * one_sleep / 4);
  for (int x : xs) EXPECT_EQ(ys[static_cast<std::size_t>(x)], 2 * x);
  EXPECT_GT(noticed(pool), 0U);
  EXPECT_GT(pool.stats().spares_started, 10U);
}

TEST_P(blocking, items_of_a_map_async_sleep_at_the_same_time) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  const auto begin = clock::now();
  auto ys = pool.map_async(
      [](int x) {
        std::this_thread::sleep_for(one_sleep);
        return 2 * x;
      },
      std::vector<int>(64, 7));
  EXPECT_EQ(ys.get(), std::vector<int>(64, 14));
  EXPECT_LT(clock::now() - begin, 64 / 2 * one_sleep / 4);
}

TEST_P(blocking, submitted_jobs_sleep_at_the_same_time) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  const auto begin = clock::now();
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 64; ++i) {
    jobs.push_back(pool.submit([] { std::this_thread::sleep_for(one_sleep); }));
  }
  for (auto& j : jobs) ASSERT_TRUE(j.wait_for(20s));
  EXPECT_LT(clock::now() - begin, 64 / 2 * one_sleep / 4);
}

TEST_P(blocking, jobs_of_a_scope_sleep_at_the_same_time) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  const auto begin = clock::now();
  pool.scope([](auto& s) {
    for (int i = 0; i < 64; ++i) s.spawn([] { std::this_thread::sleep_for(one_sleep); });
  });
  EXPECT_LT(clock::now() - begin, 64 / 2 * one_sleep / 4);
}

void sleep_as_a_tree(int leaves) {
  if (leaves == 1) return std::this_thread::sleep_for(one_sleep);
  filch::fork_join([=] { sleep_as_a_tree(leaves / 2); },
                   [=] { sleep_as_a_tree(leaves - leaves / 2); });
}

TEST_P(blocking, leaves_of_a_tree_of_forks_sleep_at_the_same_time) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  const auto begin = clock::now();
  pool.submit([] { sleep_as_a_tree(64); }).get();
  EXPECT_LT(clock::now() - begin, 64 / 2 * one_sleep / 4);
}

TEST_P(blocking, a_caller_that_blocks_in_its_own_part_keeps_nobody_waiting) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(1);
  const auto begin = clock::now();
  pool.for_index(0, 32, [](int) { std::this_thread::sleep_for(one_sleep); });
  EXPECT_LT(clock::now() - begin, 32 * one_sleep / 4);
}

TEST_P(blocking, reads_from_a_silent_pipe_are_noticed_at_once_and_in_their_class) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(1);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::vector<filch::future<long>> readers;
  for (int i = 0; i < 8; ++i) {
    readers.push_back(pool.submit([&] {
      char letter = 0;
      return static_cast<long>(::read(ends[0], &letter, 1));
    }));
  }
  EXPECT_EQ(pool.submit([] { return 5; }).get_for(10s), 5);  // behind all of them
  EXPECT_GE(pool.stats().blocked_elsewhere, 1U);
  EXPECT_EQ(pool.stats().blocked_in_locks, 0U);
  ASSERT_EQ(::write(ends[1], "12345678", 8), 8);
  for (auto& r : readers) EXPECT_EQ(r.get(), 1);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_P(blocking, a_job_waits_for_what_a_later_job_does) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate door;
  auto pool = make_pool_of(1);
  std::vector<filch::future<void>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(pool.submit([&] { door.wait(); }));
  pool.post([&] { door.open(); });
  for (auto& w : waiting) ASSERT_TRUE(w.wait_for(20s));
  EXPECT_GE(pool.stats().blocked_in_locks, 1U);
  EXPECT_EQ(pool.stats().blocked_elsewhere, 0U);
}

TEST_P(blocking, jobs_that_share_a_lock_bring_few_threads) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  std::mutex one_at_a_time;
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 40; ++i) {
    jobs.push_back(pool.submit([&] {
      const std::lock_guard lock(one_at_a_time);
      compute(2ms);
    }));
  }
  for (auto& j : jobs) j.get();
  EXPECT_LT(pool.stats().spares_started, 10U);
}

TEST_P(blocking, jobs_that_compute_are_not_taken_for_blocked) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  std::atomic<bool> over{false};
  std::vector<std::thread> hogs;
  for (int i = 0; i < 6; ++i) {
    hogs.emplace_back([&] {
      while (!over) compute(100us);
    });
  }
  pool.for_index(0, 200, [](int) { compute(1ms); });
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 200; ++i) jobs.push_back(pool.submit([] { compute(1ms); }));
  for (auto& j : jobs) j.get();
  EXPECT_EQ(pool.stats().blocked_elsewhere, 0U);
  // One may stand in for a thread that waits for the last part of its loop.
  EXPECT_LE(pool.stats().spares_started, 1U);
  over = true;
  for (auto& h : hogs) h.join();
}

TEST_P(blocking, no_more_compute_at_once_than_there_are_workers_when_those_that_slept_are_back) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  // Sleepers first: many stand in for them.
  pool.for_index(0, 64, [](int) { std::this_thread::sleep_for(10ms); });
  EXPECT_TRUE(eventually([&] {
    peak together;
    std::vector<filch::future<void>> jobs;
    for (int i = 0; i < 60; ++i) {
      jobs.push_back(pool.submit([&] {
        together.enter();
        compute(200us);
        together.leave();
      }));
    }
    for (auto& j : jobs) j.wait_for(20s);
    return together.most() <= 2;
  }));
}

TEST_P(blocking, a_wait_in_the_library_is_counted_once) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate door;
  auto pool = make_pool_of(2);
  auto blocked = pool.with(filch::on_io).submit([&] { door.wait(); });
  std::vector<filch::future<void>> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.push_back(pool.submit([&] {
      blocked.wait();
      filch::blocking([] { std::this_thread::sleep_for(20ms); });
    }));
  }
  EXPECT_EQ(pool.submit([] { return 5; }).get_for(20s), 5);
  door.open();
  for (auto& w : waiters) ASSERT_TRUE(w.wait_for(20s));
  EXPECT_EQ(noticed(pool), 0U);
}

TEST_P(blocking, who_was_noticed_and_waits_then_is_counted_once) {
  FILCH_NEEDS_CONCURRENT();
  for (int round = 0; round < 10; ++round) {
    auto pool = make_pool_of(2);
    std::vector<filch::future<int>> jobs;
    for (int i = 0; i < 16; ++i) {
      jobs.push_back(pool.submit([&pool, round] {
        std::this_thread::sleep_for(std::chrono::microseconds(1000 + 200 * round));
        const auto ys = pool.map(
            [](int x) {
              std::this_thread::sleep_for(1ms);
              return x;
            },
            std::vector<int>{1, 2, 3});
        filch::blocking([] { std::this_thread::sleep_for(1ms); });
        std::this_thread::sleep_for(2ms);
        return std::accumulate(ys.begin(), ys.end(), 0);
      }));
    }
    for (auto& j : jobs) EXPECT_EQ(j.get(), 6);
    // Whoever is counted wrongly would compute one too many, or be missing, from now on.
    EXPECT_TRUE(eventually([&] {
      peak together;
      pool.scope([&](auto& s) {
        for (int i = 0; i < 40; ++i) {
          s.spawn([&] {
            together.enter();
            compute(300us);
            together.leave();
          });
        }
      });
      return together.most() <= 3;  // the caller is one
    }));
  }
}

TEST_P(blocking, in_flight_holds_for_those_that_stand_in_as_well) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  peak together;
  pool.with({.in_flight = 5}).for_index(0, 40, [&](int) {
    together.enter();
    std::this_thread::sleep_for(10ms);
    together.leave();
  });
  EXPECT_LE(together.most(), 5);
  EXPECT_GE(together.most(), 3);
}

// Whenever too many come back at once a stand-in leaves the loop, and another must be able to come.
TEST_P(blocking, elements_that_wait_and_compute_by_turns_stay_in_flight) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2, {.max_threads = 18});
  for (const std::size_t limit : {std::size_t{0}, std::size_t{12}}) {
    const double most = limit == 0 ? 18 : 12;
    peak together;
    std::atomic<int> begun{0}, in_flight{0}, sum{0};
    pool.with({.in_flight = limit}).for_index(0, 1000, [&](int) {
      together.enter();
      if (++begun > 500) sum += in_flight;
      ++in_flight;
      filch::blocking([] { std::this_thread::sleep_for(10ms); });
      --in_flight;
      compute(200us);
      together.leave();
    });
    EXPECT_GE(sum / 500.0, 0.65 * most);
    EXPECT_LE(together.most(), limit == 0 ? 19 : 12);  // and the caller
  }
}

TEST_P(blocking, the_most_threads_of_a_pool_hold) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2, {.max_threads = 6});
  peak together;
  pool.for_index(0, 60, [&](int) {
    together.enter();
    std::this_thread::sleep_for(10ms);
    together.leave();
  });
  EXPECT_LE(together.most(), 7);  // and the caller
  EXPECT_GE(together.most(), 4);
}

TEST_P(blocking, an_error_among_sleepers_stops_what_has_not_begun) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  std::atomic<int> begun{0};
  EXPECT_THROW(pool.with({.errors = filch::errors::first})
                   .for_index(0, 10'000,
                              [&](int i) {
                                ++begun;
                                std::this_thread::sleep_for(5ms);
                                if (i == 20) throw 1;
                              }),
               int);
  EXPECT_LT(begun, 5000);
}

TEST_P(blocking, is_not_noticed_where_nobody_waits_for_a_worker) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  pool.submit([] { std::this_thread::sleep_for(100ms); }).get();
  EXPECT_EQ(noticed(pool), 0U);
  EXPECT_EQ(pool.stats().spares_started, 0U);
}

TEST_P(blocking, nobody_looks_at_an_idle_pool) {
  auto pool = make_pool();
  pool.for_index(0, 100, [](int) { compute(10us); });
  EXPECT_TRUE(eventually([&] {
    const auto before = pool.stats().looks_for_blocked;
    std::this_thread::sleep_for(300ms);
    return pool.stats().looks_for_blocked == before;
  }));
}

TEST_P(blocking, is_not_noticed_where_the_user_does_not_want_it) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2, {.notice_blocking = false});
  pool.for_index(0, 20, [](int) { std::this_thread::sleep_for(5ms); });
  EXPECT_EQ(noticed(pool), 0U);
  EXPECT_EQ(pool.stats().looks_for_blocked, 0U);
  EXPECT_EQ(pool.stats().spares_started, 0U);
}

TEST_P(blocking, a_pool_whose_jobs_block_often_says_so_once_and_names_one) {
  FILCH_NEEDS_CONCURRENT();
  testing::internal::CaptureStderr();
  {
    auto pool = make_pool_of(2, {.name = "shop"});
    for (int round = 0; round < 8; ++round) {
      pool.with({.name = "ask the till"}).for_index(0, 128, [](int) {
        std::this_thread::sleep_for(6ms);
      });
    }
  }
  const auto said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("pool \"shop\": jobs have blocked"), std::string::npos) << said;
  EXPECT_NE(said.find("\"ask the till\""), std::string::npos) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST_P(blocking, a_pool_that_was_told_so_says_nothing) {
  FILCH_NEEDS_CONCURRENT();
  testing::internal::CaptureStderr();
  {
    auto pool = make_pool_of(2, {.warn_blocking = false});
    for (int round = 0; round < 8; ++round) {
      pool.for_index(0, 128, [](int) { std::this_thread::sleep_for(6ms); });
    }
    EXPECT_GE(noticed(pool), 256U);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_P(blocking, pools_end_while_they_look) {
  FILCH_NEEDS_CONCURRENT();
  for (int round = 0; round < 30; ++round) {
    auto pool = make_pool_of(2);
    for (int i = 0; i < 12; ++i) {
      pool.post([round] { std::this_thread::sleep_for(std::chrono::microseconds(200 * round)); });
    }
  }
}

// Its monitor went on looking, for ever, if the pool ended just as it found nothing more to do.
TEST_P(blocking, pools_end_while_the_looks_end) {
  FILCH_NEEDS_CONCURRENT();
  for (int round = 0; round < 6; ++round) {
    std::vector<std::unique_ptr<filch_test::test_pool>> pools;
    for (int i = 0; i < 60; ++i) {
      pools.push_back(make_heap_pool({.max_threads = 20}));
      pools.back()->for_index(0, 20, [](int) { compute(1us); });
      for (int k = 0; k < 10; ++k) pools.back()->post([] { compute(1us); });
    }
    std::this_thread::sleep_for(4ms);
    while (!pools.empty()) pools.pop_back();
  }
}

TEST_P(blocking, nodes_of_a_graph_sleep_at_the_same_time) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  filch::graph g;
  const auto first = g.add([] {});
  for (int i = 0; i < 64; ++i) {
    first.precede(g.add([] { std::this_thread::sleep_for(one_sleep); }));
  }
  const auto begin = clock::now();
  pool.run(g).wait();
  EXPECT_LT(clock::now() - begin, 64 / 2 * one_sleep / 4);
}

}  // namespace
