#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/sanitizer.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::busy_workers;
using filch_test::eventually;

FILCH_CONFORMANCE(waiting);

int nested_submits(const filch::pool& pool, int depth) {
  if (depth == 0) return 0;
  return pool.submit([&pool, depth] { return nested_submits(pool, depth - 1); }).get() + 1;
}

// A pool of one worker never runs out of threads: who waits runs what has not started.
TEST_P(waiting, a_thousand_jobs_nested_on_one_worker_finish) {
  auto pool = make_pool_of(1);
  EXPECT_EQ(nested_submits(pool, 1000), 1000);
  EXPECT_LE(pool.stats().spares_started, 4U) << "claiming in place needs no thread";
}

TEST_P(waiting, a_thousand_jobs_nested_on_this_runs_pool_finish) {
  auto pool = make_pool();
  EXPECT_EQ(nested_submits(pool, 1000), 1000);
}

TEST_P(waiting, a_thousand_maps_nested_on_one_worker_finish) {
  auto pool = make_pool_of(1);
  struct nested {
    static int maps(const filch::pool& p, int depth) {
      if (depth == 0) return 0;
      const std::vector<int> one{depth - 1};
      return p.map([&p](int d) { return maps(p, d); }, one).front() + 1;
    }
  };
  EXPECT_EQ(nested::maps(pool, 1000), 1000);
}

/// Nests until the limit; then whatever was left behind ends at once.
int nested_without_end(const filch::pool& pool, std::atomic<bool>& over) {
  if (over) return 0;
  try {
    return pool.submit([&] { return nested_without_end(pool, over); }).get() + 1;
  } catch (const filch::nesting_limit&) {
    over = true;
    throw;
  }
}

TEST_P(waiting, jobs_nested_without_end_name_the_limit) {
  // A small stack, so that the limit comes soon; the threads of oneTBB have the usual one.
  if (GetParam().engine == "tbb") return;
  // Several workers fill a stack each in turn, which takes ThreadSanitizer minutes.
  if (filch_test::under_thread_sanitizer && workers() > 1) return;
  std::atomic<bool> over{false};
  // ThreadSanitizer keeps more than 512 KiB of its own in each, and is slow at great depth.
  const std::size_t stack = filch_test::under_thread_sanitizer ? 1U << 20U : 512U << 10U;
  auto pool = make_pool({.stack_size = stack});
  auto endless = pool.with(filch::on_io).submit([&] { return nested_without_end(pool, over); });
  EXPECT_TRUE(endless.wait_for(60s)) << "not get(): this thread would run them, on a large stack";
  EXPECT_THROW(endless.get(), filch::nesting_limit);
  EXPECT_EQ(nested_submits(pool, 3), 3) << "the pool is usable afterwards";
}

// mirrors rayon mutual_install, mutual_install_sleepy
TEST_P(waiting, two_pools_of_one_worker_may_call_each_other) {
  auto one = make_pool_of(1);
  auto two = make_pool_of(1);
  for (int i = 0; i < 50; ++i) {
    auto there = one.submit([&] {
      return two
          .submit(
              [&] { return one.submit([&] { return two.submit([] { return 7; }).get(); }).get(); })
          .get();
    });
    auto back = two.submit(
        [&] { return one.submit([&] { return two.submit([] { return 8; }).get(); }).get(); });
    EXPECT_EQ(there.get(), 7);
    EXPECT_EQ(back.get(), 8);
  }
}

TEST_P(waiting, two_pools_of_one_worker_may_map_into_each_other) {
  auto one = make_pool_of(1);
  auto two = make_pool_of(1);
  const std::vector<int> xs{1, 2, 3, 4};
  const auto doubled = [](int x) { return 2 * x; };
  const auto via_two = [&](int) { return two.map(doubled, xs).back(); };
  const auto via_both = [&](int) {
    return two.map([&](int) { return one.map(via_two, xs).back(); }, xs).back();
  };
  EXPECT_EQ(one.map(via_both, xs), (std::vector{8, 8, 8, 8}));
}

// A wait never runs unrelated work, so a lock held across it cannot be asked for below it.
TEST_P(waiting, a_lock_may_be_held_across_a_nested_map) {
  auto pool = make_pool();
  std::mutex lock;
  long total = 0;
  const std::vector<int> few{1, 2, 3, 4, 5, 6, 7, 8};
  const auto locked = [&](int x) {
    const std::lock_guard hold(lock);
    for (const int y : pool.map([](int v) { return v + 1; }, few)) total += x * y;
  };
  std::vector<int> many(50, 1);
  pool.map(locked, many);
  EXPECT_EQ(total, 50 * 44);
}

TEST_P(waiting, a_lock_may_be_held_across_a_nested_get) {
  auto pool = make_pool();
  std::mutex lock;
  int total = 0;
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(pool.submit([&] {
      const std::lock_guard hold(lock);
      total += pool.submit([] { return 1; }).get();
    }));
  }
  for (auto& j : jobs) j.get();
  EXPECT_EQ(total, 100);
}

TEST_P(waiting, a_lock_may_be_held_across_a_nested_fork) {
  auto pool = make_pool();
  std::mutex lock;
  int total = 0;
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(pool.submit([&] {
      const std::lock_guard hold(lock);
      pool.fork_join_n(16, [](std::size_t) { std::this_thread::yield(); });
      ++total;
    }));
  }
  for (auto& j : jobs) j.get();
  EXPECT_EQ(total, 100);
}

TEST_P(waiting, a_wait_runs_nothing_unrelated) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate door;
  auto pool = make_pool_of(1);
  static thread_local int waiting_on_this_thread = 0;
  std::atomic<int> intruders{0};
  auto slow = pool.with(filch::on_io).submit([&] { door.wait(); });
  auto waiter = pool.submit([&] {
    ++waiting_on_this_thread;
    slow.wait();
    --waiting_on_this_thread;
  });
  std::vector<filch::future<void>> others;
  for (int i = 0; i < 50; ++i) {
    others.push_back(pool.submit([&] {
      if (waiting_on_this_thread > 0) ++intruders;
    }));
  }
  // A stand-in runs them while the only worker waits.
  for (auto& o : others) EXPECT_TRUE(o.wait_for(20s));
  door.open();
  waiter.get();
  EXPECT_EQ(intruders, 0);
  EXPECT_GE(pool.stats().spares_started, 1U);
}

// Who runs what we wait for may have older jobs queued, which are none of our business.
TEST_P(waiting, a_wait_takes_no_unrelated_job_from_who_runs_what_it_waits_for) {
  FILCH_NEEDS_CONCURRENT();
  static thread_local bool waiting_on_this_thread = false;
  std::atomic<bool> wanted_runs{false};
  std::atomic<bool> over{false};
  std::atomic<bool> intruded{false};
  filch::future<void> unrelated;
  filch::future<void> wanted;
  auto pool = make_pool_of(2, {.spin = 50ms});
  const auto spin_until = [](const std::atomic<bool>& flag) {
    while (!flag) std::this_thread::yield();
  };
  std::atomic<bool> waiter_runs{false};
  auto waiter = pool.submit([&] {
    waiter_runs = true;
    spin_until(wanted_runs);
    waiting_on_this_thread = true;
    wanted.wait();
    waiting_on_this_thread = false;
  });
  spin_until(waiter_runs);
  // The other worker queues both in its deque, and begins with the newer one.
  auto maker = pool.submit([&] {
    unrelated = pool.submit([&] { intruded = waiting_on_this_thread; });
    wanted = pool.submit([&] {
      wanted_runs = true;
      spin_until(over);
    });
  });
  spin_until(wanted_runs);
  EXPECT_TRUE(unrelated.wait_for(20s));
  over = true;
  maker.get();
  waiter.get();
  EXPECT_FALSE(intruded);
}

// In a pool without workers one caller at a time runs jobs; not while its job sleeps.
TEST_P(waiting, a_job_that_sleeps_keeps_no_other_caller_from_running_jobs) {
  filch_test::gate door;
  auto pool = make_pool();
  auto slow = pool.with(filch::on_io).submit([&] { door.wait(); });
  ASSERT_TRUE(door.wait_for_visitors(1));
  std::atomic<bool> sleeper_runs{false};
  std::thread other([&] {
    pool.submit([&] {
          sleeper_runs = true;
          slow.wait();
        })
        .get();
  });
  while (!sleeper_runs) std::this_thread::yield();
  pool.submit([&] { door.open(); }).get();
  other.join();
}

TEST_P(waiting, a_worker_that_waits_is_replaced) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::gate door;
  auto pool = make_pool();
  auto slow = pool.with(filch::on_io).submit([&] { door.wait(); });
  const auto handle = slow.shared();
  std::vector<filch::future<void>> waiters;
  for (unsigned i = 0; i < workers(); ++i) {
    waiters.push_back(pool.submit([handle] { handle->wait(); }));
  }
  EXPECT_EQ(pool.submit([] { return 6; }).get_for(20s), 6);
  door.open();
  for (auto& w : waiters) w.get();
}

TEST_P(waiting, waiting_outside_runs_a_job_that_no_worker_is_free_for) {
  auto pool = make_pool();
  const busy_workers all(pool, workers());
  std::thread::id ran_on;
  pool.submit([&] { ran_on = std::this_thread::get_id(); }).get();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_P(waiting, a_job_run_by_its_waiter_has_the_pools_context) {
  auto pool = make_pool();
  const busy_workers all(pool, workers());
  auto job = pool.with({.name = "in place"}).submit([&] {
    return std::string(filch::this_job::name()) +
           std::to_string(pool.submit([] { return 1; }).get());
  });
  EXPECT_EQ(job.get(), "in place1");
}

TEST_P(waiting, waiting_outside_never_runs_a_blocking_job) {
  auto pool = make_pool();
  std::thread::id ran_on;
  pool.with(filch::on_io).submit([&] { ran_on = std::this_thread::get_id(); }).get();
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST_P(waiting, many_may_wait_for_one_job) {
  filch_test::gate door;
  auto pool = make_pool();
  auto slow = pool.with(filch::on_io).submit([&] { door.wait(); });
  const auto handle = slow.shared();
  std::vector<filch::future<int>> waiters;
  for (int i = 0; i < 20; ++i) {
    waiters.push_back(pool.with(filch::on_io).submit([handle] {
      handle->wait();
      return 1;
    }));
  }
  door.open();
  int sum = 0;
  for (auto& w : waiters) sum += w.get();
  EXPECT_EQ(sum, 20);
}

// ---- circles: an error, never a hang

TEST_P(waiting, a_job_that_waits_for_itself_would_deadlock) {
  auto pool = make_pool();
  for (const auto where : {filch::lane::cpu, filch::lane::io}) {
    std::optional<filch::future<void>> self;
    filch_test::gate door;
    std::atomic<bool> refused{false};
    // Held back until the job can reach its own future.
    auto job = pool.with({.lane = where}).submit([&] {
      door.wait();
      try {
        self->get();
      } catch (const filch::would_deadlock&) {
        refused = true;
      }
    });
    auto handle = job.shared();
    self.emplace(std::move(job));
    door.open();
    handle->wait();
    EXPECT_TRUE(refused);
  }
}

// Two jobs that wait for each other: one of them is told, the other gets its result.
TEST_P(waiting, two_jobs_that_wait_for_each_other_would_deadlock) {
  auto pool = make_pool();
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ready{0};
    std::atomic<int> refused{0};
    filch::detail::ref<filch::detail::future_base> handles[2];
    const auto wait_for_the_other = [&](int other) {
      while (ready < 2) std::this_thread::yield();
      try {
        handles[other]->wait();
      } catch (const filch::would_deadlock& e) {
        EXPECT_NE(std::string(e.what()).find("wait"), std::string::npos);
        ++refused;
      }
    };
    auto a = pool.with(filch::on_io).submit(wait_for_the_other, 1);
    auto b = pool.with(filch::on_io).submit(wait_for_the_other, 0);
    handles[0] = a.shared();
    handles[1] = b.shared();
    ready = 2;
    a.get();
    b.get();
    EXPECT_EQ(refused, 1);
  }
}

TEST_P(waiting, a_circle_through_two_pools_would_deadlock) {
  auto one = make_pool_of(1);
  auto two = make_pool_of(1);
  std::atomic<bool> ready{false};
  std::atomic<int> refused{0};
  filch::detail::ref<filch::detail::future_base> handles[2];
  const auto wait_for_the_other = [&](int other) {
    while (!ready) std::this_thread::yield();
    try {
      handles[other]->wait();
    } catch (const filch::would_deadlock&) {
      ++refused;
    }
  };
  auto a = one.with(filch::on_io).submit(wait_for_the_other, 1);
  auto b = two.with(filch::on_io).submit(wait_for_the_other, 0);
  handles[0] = a.shared();
  handles[1] = b.shared();
  ready = true;
  a.get();
  b.get();
  EXPECT_EQ(refused, 1);
}

TEST_P(waiting, a_circle_of_cpu_jobs_would_deadlock) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool_of(2);
  std::atomic<int> inside{0};
  std::atomic<int> refused{0};
  filch::detail::ref<filch::detail::future_base> handles[2];
  std::atomic<bool> ready{false};
  const auto wait_for_the_other = [&](int other) {
    ++inside;
    while (inside < 2 || !ready) std::this_thread::yield();
    try {
      handles[other]->wait();
    } catch (const filch::would_deadlock&) {
      ++refused;
    }
  };
  auto a = pool.submit(wait_for_the_other, 1);
  auto b = pool.submit(wait_for_the_other, 0);
  handles[0] = a.shared();
  handles[1] = b.shared();
  ready = true;
  EXPECT_TRUE(a.wait_for(20s));
  EXPECT_TRUE(b.wait_for(20s));
  EXPECT_EQ(refused, 1);
}

TEST_P(waiting, a_job_that_ends_its_own_callers_wait_is_no_circle) {
  auto pool = make_pool();
  for (int i = 0; i < 50; ++i) {
    auto outer = pool.submit([&] {
      auto inner = pool.submit([&] { return pool.submit([] { return 1; }).get(); });
      auto other =
          pool.with(filch::on_io).submit([&] { return pool.submit([] { return 2; }).get(); });
      return inner.get() + other.get();
    });
    EXPECT_EQ(outer.get(), 3);
  }
}

// Where every job waits for a later one, stand-ins are needed as far as they go; nothing hangs.
TEST_P(waiting, a_chain_of_waits_longer_than_the_pool_ends) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  constexpr std::size_t length = 40;
  std::vector<filch::detail::ref<filch::detail::future_base>> handles(length);
  std::vector<filch::future<int>> jobs;
  std::atomic<bool> ready{false};
  for (std::size_t i = 0; i < length; ++i) {
    jobs.push_back(pool.submit([&, i] {
      while (!ready) std::this_thread::yield();
      if (i + 1 < length) handles[i + 1]->wait();
      return 1;
    }));
    handles[i] = jobs.back().shared();
  }
  ready = true;
  int sum = 0;
  for (auto& j : jobs) sum += j.get();
  EXPECT_EQ(sum, static_cast<int>(length));
}

}  // namespace
