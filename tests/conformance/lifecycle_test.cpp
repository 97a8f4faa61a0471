#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <filch/pool.hpp>
#include <filch/select.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/seeded.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::busy_workers;
using filch_test::eventually;

FILCH_CONFORMANCE(lifecycle);

// ---- close and join

// mirrors CPython test_run_after_shutdown, test_context, test_enter
TEST_P(lifecycle, a_closed_pool_refuses_calls_from_outside) {
  auto pool = make_pool();
  pool.close();
  EXPECT_THROW((void)pool.submit([] {}), filch::pool_closed);
  EXPECT_THROW(pool.post([] {}), filch::pool_closed);
  EXPECT_THROW((void)pool.submit_after(1s, [] {}), filch::pool_closed);
  EXPECT_THROW((void)pool.with(filch::on_io).submit([] {}), filch::pool_closed);
  try {
    pool.post([] {});
  } catch (const filch::pool_closed& e) {
    EXPECT_NE(std::string(e.what()).find("close()"), std::string::npos) << e.what();
  }
}

TEST_P(lifecycle, a_closed_pool_accepts_calls_of_its_own_jobs) {
  filch_test::gate door;
  auto pool = make_pool();
  auto outer = pool.with(filch::on_io).submit([&] {
    door.wait();
    return pool.submit([&] { return pool.submit([] { return 3; }).get() + 1; }).get();
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  pool.close();
  EXPECT_THROW((void)pool.submit([] {}), filch::pool_closed);
  door.open();
  EXPECT_EQ(outer.get(), 4);
}

TEST_P(lifecycle, jobs_that_jobs_post_after_close_are_run) {
  std::atomic<int> ran{0};
  auto pool = make_pool();
  struct tree {
    static void grow(filch::pool& p, std::atomic<int>& counted, int depth) {
      ++counted;
      if (depth == 0) return;
      p.post([&p, &counted, depth] { grow(p, counted, depth - 1); });
      p.post([&p, &counted, depth] { grow(p, counted, depth - 1); });
    }
  };
  pool.post([&] { tree::grow(pool, ran, 8); });
  pool.close();
  pool.join();
  EXPECT_EQ(ran, (1 << 9) - 1);
}

TEST_P(lifecycle, close_may_be_called_again) {
  auto pool = make_pool();
  pool.close();
  pool.close();
  pool.join();
  pool.join();
  pool.close();
}

// mirrors CPython: join() before close() is a ValueError
TEST_P(lifecycle, join_of_an_open_pool_is_refused) {
  auto pool = make_pool();
  EXPECT_THROW(pool.join(), std::logic_error);
  EXPECT_EQ(pool.submit([] { return 1; }).get(), 1);
}

TEST_P(lifecycle, join_in_a_job_of_the_pool_would_deadlock) {
  auto pool = make_pool();
  auto job = pool.submit([&] {
    pool.close();
    pool.join();
  });
  EXPECT_THROW(job.get(), filch::would_deadlock);
  pool.join();
}

TEST_P(lifecycle, join_on_an_io_job_of_the_pool_would_deadlock) {
  auto pool = make_pool();
  auto job = pool.with(filch::on_io).submit([&] {
    pool.close();
    pool.join();
  });
  EXPECT_THROW(job.get(), filch::would_deadlock);
}

TEST_P(lifecycle, two_threads_may_join) {
  auto pool = make_pool();
  std::atomic<int> ran{0};
  for (int i = 0; i < 50; ++i) pool.post([&] { ++ran; });
  pool.close();
  {
    const std::jthread one([&] { pool.join(); });
    const std::jthread two([&] { pool.join(); });
  }
  EXPECT_EQ(ran, 50);
}

// mirrors CPython test_shutdown, test_hang_issue12364
TEST_P(lifecycle, everything_accepted_has_run_when_join_returns) {
  auto pool = make_pool();
  std::vector<filch::future<int>> results;
  for (int i = 0; i < 50; ++i) results.push_back(pool.submit([i] { return i; }));
  pool.close();
  pool.join();
  for (int i = 0; i < 50; ++i) {
    auto& r = results[static_cast<std::size_t>(i)];
    EXPECT_TRUE(r.ready());
    EXPECT_EQ(r.get(), i);
  }
}

// ---- shutdown_for

// mirrors CPython test_cancel_futures, test_terminate
TEST_P(lifecycle, shutdown_cancels_what_has_not_started_and_stops_the_rest) {
  filch_test::gate door;
  auto pool = make_pool();
  auto running = pool.with(filch::on_io).submit([&](std::stop_token token) {
    door.wait();
    while (!token.stop_requested()) std::this_thread::yield();
    return 1;
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  std::vector<filch::future<void>> waiting;
  std::atomic<int> ran{0};
  {
    busy_workers held(pool, workers());
    for (int i = 0; i < 50; ++i) waiting.push_back(pool.submit([&] { ++ran; }));
    door.open();
    const auto early = pool.shutdown_for(10ms);
    EXPECT_EQ(early.finished, !concurrent());
    EXPECT_EQ(early.still_running == 0, early.finished);
  }
  const auto report = pool.shutdown_for(20s);
  EXPECT_TRUE(report.finished);
  EXPECT_EQ(report.still_running, 0U);
  EXPECT_EQ(running.get(), 1);
  for (auto& w : waiting) EXPECT_THROW(w.get(), filch::cancelled);
  EXPECT_EQ(ran, 0);
}

TEST_P(lifecycle, shutdown_tells_what_still_runs) {
  filch_test::gate door;
  auto pool = make_pool();
  auto stubborn = pool.with(filch::on_io).submit([&] { door.wait(); });
  EXPECT_TRUE(door.wait_for_visitors(1));
  const auto start = std::chrono::steady_clock::now();
  const auto report = pool.shutdown_for(30ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
  EXPECT_FALSE(report.finished);
  EXPECT_EQ(report.still_running, 1U);
  door.open();
  EXPECT_TRUE(pool.shutdown_for(20s).finished);
}

TEST_P(lifecycle, shutdown_does_not_wait_for_delayed_jobs) {
  auto pool = make_pool();
  auto later = pool.submit_after(1h, [] {});
  EXPECT_TRUE(pool.shutdown_for(20s).finished);
  EXPECT_THROW(later.get(), filch::cancelled);
}

TEST_P(lifecycle, shutdown_of_an_idle_pool_finishes_at_once) {
  auto pool = make_pool();
  EXPECT_TRUE(pool.shutdown_for(0s).finished);
  EXPECT_THROW((void)pool.submit([] {}), filch::pool_closed);
}

// mirrors CPython test_shutdown_no_wait, test_cancel_futures_wait_false, test_hang_gh94440
TEST_P(lifecycle, a_job_cancelled_just_before_the_end_hangs_nobody) {
  for (int i = 0; i < 100; ++i) {
    auto pool = make_pool();
    auto job = pool.submit([] {});
    job.cancel();
    pool.shutdown_for(0s);
  }
}

// ---- destruction, at any time

int many() { return 200 / filch_test::slowdown(); }

TEST_P(lifecycle, ends_when_it_was_never_used) {
  for (int i = 0; i < many(); ++i) auto pool = make_pool();
}

// mirrors rayon workers_stop, sleeper_stop
TEST_P(lifecycle, ends_while_its_workers_sleep) {
  for (int i = 0; i < many() / 10; ++i) {
    auto pool = make_pool({.spin = 0ns});
    pool.submit([] {}).get();
    std::this_thread::sleep_for(2ms);
  }
}

// mirrors rayon termination_while_things_are_executing
TEST_P(lifecycle, finishes_what_was_accepted_when_it_ends_busy) {
  std::atomic<int> ran{0};
  for (int i = 0; i < many(); ++i) {
    auto pool = make_pool();
    for (int k = 0; k < 20; ++k) pool.post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 20 * many());
}

// mirrors CPython test_shutdown_race_issue12456
TEST_P(lifecycle, ends_while_others_submit) {
  for (int i = 0; i < many() / 4; ++i) {
    auto pool = make_heap_pool();
    const auto view = pool->with({});
    std::atomic<int> accepted{0};
    std::atomic<int> ran{0};
    {
      std::vector<std::jthread> callers;
      for (int t = 0; t < 2; ++t) {
        callers.emplace_back([&] {
          try {
            while (true) {
              view.post([&] { ++ran; });
              ++accepted;
            }
          } catch (const filch::pool_closed&) {
          }
        });
      }
      std::this_thread::sleep_for(200us);
      pool.reset();
    }
    EXPECT_EQ(ran, accepted);
  }
}

TEST_P(lifecycle, may_be_ended_as_soon_as_a_posted_job_has_run_though_post_has_not_returned) {
  FILCH_NEEDS_CONCURRENT();
  for (int i = 0; i < many(); ++i) {
    auto pool = make_heap_pool();
    std::atomic<bool> ran{false};
    const std::jthread poster([&ran, raw = pool.get()] { raw->post([&ran] { ran = true; }); });
    while (!ran) std::this_thread::yield();
    pool.reset();
  }
}

TEST_P(lifecycle, may_be_ended_by_a_job_of_its_own) {
  for (int i = 0; i < many() / 4; ++i) {
    auto shared = std::shared_ptr<filch_test::test_pool>(make_heap_pool());
    auto* raw = shared.get();
    std::atomic<bool> ended{false};
    auto job = raw->submit([shared = std::move(shared), &ended]() mutable {
      shared.reset();  // the last owner: ~pool runs here
      ended = true;
    });
    job.get();
    EXPECT_TRUE(ended);
  }
}

TEST_P(lifecycle, may_be_ended_by_an_io_job_of_its_own) {
  for (int i = 0; i < many() / 10; ++i) {
    auto shared = std::shared_ptr<filch_test::test_pool>(make_heap_pool());
    auto* raw = shared.get();
    raw->with(filch::on_io)
        .submit([shared = std::move(shared)]() mutable { shared.reset(); })
        .get();
  }
}

TEST_P(lifecycle, may_be_ended_by_the_destructor_of_a_callable) {
  for (int i = 0; i < many() / 4; ++i) {
    auto shared = std::shared_ptr<filch_test::test_pool>(make_heap_pool());
    auto* raw = shared.get();
    // The callable dies on whichever thread drops it, with the pool's last owner inside.
    auto job = raw->submit([shared = std::move(shared)] { return shared->workers(); });
    EXPECT_EQ(job.get(), workers());
  }
}

TEST_P(lifecycle, jobs_of_a_pool_that_ends_in_its_own_job_still_run) {
  std::atomic<int> ran{0};
  auto shared = std::shared_ptr<filch_test::test_pool>(make_heap_pool());
  auto* raw = shared.get();
  auto job = raw->submit([&, shared = std::move(shared)]() mutable {
    for (int k = 0; k < 20; ++k) shared->post([&] { ++ran; });
    shared.reset();
  });
  job.get();
  EXPECT_TRUE(eventually([&] { return ran == 20; }));
}

TEST_P(lifecycle, a_pool_may_be_ended_by_a_job_of_another) {
  auto other = make_pool();
  for (int i = 0; i < many() / 4; ++i) {
    auto pool = make_heap_pool();
    auto result = pool->submit([] { return 1; });
    other.submit([pool = std::move(pool)]() mutable { pool.reset(); }).get();
    EXPECT_EQ(result.get(), 1);
  }
}

TEST_P(lifecycle, leaks_no_payload_when_it_ends_at_any_moment) {
  const filch_test::no_leaks check;
  auto random = filch_test::seeded();
  for (int i = 0; i < many() / 4; ++i) {
    auto pool = make_pool();
    std::vector<filch::future<filch_test::counted>> kept;
    for (int k = 0; k < 20; ++k) {
      auto f = pool.submit([](filch_test::counted c) { return c; }, filch_test::counted(k));
      if (random() % 3 == 0) f.cancel();
      if (random() % 2 == 0) kept.push_back(std::move(f));
    }
    if (random() % 2 == 0) pool.shutdown_for(std::chrono::microseconds(random() % 200));
  }
}

// Every accepted job runs once or is cancelled once, wherever the end comes from.
TEST_P(lifecycle, accounts_for_every_job_exactly_once) {
  auto random = filch_test::seeded();
  for (int round = 0; round < many() / 4; ++round) {
    constexpr std::size_t jobs = 40;
    std::vector<int> runs(jobs, 0);
    std::vector<filch::future<void>> results;
    {
      auto pool = make_pool();
      for (std::size_t i = 0; i < jobs; ++i) {
        results.push_back(pool.submit([&runs, i] { ++runs[i]; }));
        if (random() % 4 == 0) results[random() % results.size()].cancel();
      }
      if (random() % 2 == 0) pool.shutdown_for(std::chrono::microseconds(random() % 100));
    }
    for (std::size_t i = 0; i < jobs; ++i) {
      ASSERT_TRUE(results[i].ready());
      int expected = 1;
      try {
        results[i].get();
      } catch (const filch::cancelled&) {
        expected = 0;
      }
      EXPECT_EQ(runs[i], expected);
    }
  }
}

// ---- the end of the process

// mirrors CPython test_interpreter_shutdown, the atexit test of _TestPoolWorkerLifetime
TEST_P(lifecycle, a_static_pool_ends_with_the_process) {
  EXPECT_EXIT(
      {
        static filch::pool forever(make_engine());
        forever.submit([] {}).get();
        forever.post([] { std::this_thread::sleep_for(10ms); });
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_P(lifecycle, a_job_may_call_exit) {
  EXPECT_EXIT(
      {
        filch::pool pool(make_engine());
        pool.submit([] { std::exit(3); }).get();
      },
      testing::ExitedWithCode(3), "");
}

TEST_P(lifecycle, an_io_job_may_call_exit) {
  EXPECT_EXIT(
      {
        filch::pool pool(make_engine());
        pool.with(filch::on_io).submit([] { std::exit(3); }).get();
      },
      testing::ExitedWithCode(3), "");
}

TEST_P(lifecycle, exit_in_a_job_of_a_static_pool_ends_cleanly) {
  EXPECT_EXIT(
      {
        static filch::pool forever(make_engine());
        forever.submit([] { std::exit(4); }).get();
      },
      testing::ExitedWithCode(4), "");
}

// mirrors CPython test_hang_gh83386
TEST_P(lifecycle, the_process_may_end_while_the_default_pool_is_busy) {
  EXPECT_EXIT(
      {
        filch::set_default_engine(make_engine());
        for (int i = 0; i < 1000; ++i) filch::default_pool().post([] {});
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

// ---- fork

/// Forks; the child runs `body`, which must return 0 within ten seconds. The child's exit status.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    int status = 99;
    try {
      status = body();
    } catch (...) {
      status = 98;
    }
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

template <class Call>
bool refused_after_fork(Call call) {
  try {
    call();
  } catch (const filch::forked_pool&) {
    return true;
  }
  return false;
}

// mirrors CPython test_process_fork_from_a_threadpool, test_hang_global_shutdown_lock
TEST_P(lifecycle, a_forked_child_is_refused_by_every_call) {
  auto pool = make_pool();
  pool.submit([] {}).get();
  const int status = in_child([&] {
    if (!refused_after_fork([&] { (void)pool.submit([] {}); })) return 1;
    if (!refused_after_fork([&] { pool.post([] {}); })) return 2;
    if (!refused_after_fork([&] { (void)pool.submit_after(1ms, [] {}); })) return 3;
    if (!refused_after_fork([&] { (void)pool.with(filch::on_io).submit([] {}); })) return 4;
    if (!refused_after_fork([&] { pool.fork_join([] {}, [] {}); })) return 5;
    if (!refused_after_fork([&] { (void)pool.shutdown_for(1s); })) return 6;
    if (!refused_after_fork([&] {
          pool.close();
          pool.join();
        }))
      return 7;
    return 0;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(pool.submit([] { return 1; }).get(), 1) << "the parent's pool is untouched";
}

TEST_P(lifecycle, a_forked_child_is_refused_by_a_wait_for_a_parents_job) {
  filch_test::gate door;
  auto pool = make_pool();
  auto running = pool.with(filch::on_io).submit([&] { door.wait(); });
  EXPECT_TRUE(door.wait_for_visitors(1));
  const int status = in_child([&] {
    if (!refused_after_fork([&] { running.get(); })) return 1;
    if (!refused_after_fork([&] { (void)running.wait_for(5s); })) return 2;
    return 0;
  });
  EXPECT_EQ(status, 0);
  door.open();
}

TEST_P(lifecycle, a_forked_child_may_destroy_its_copy_of_the_pool) {
  auto pool = make_heap_pool();
  pool->submit([] {}).get();
  pool->with(filch::on_io).submit([] {}).get();
  const int status = in_child([&] {
    pool.reset();
    return 0;
  });
  EXPECT_EQ(status, 0);
}

TEST_P(lifecycle, a_forked_child_may_have_a_pool_of_its_own) {
#if defined(__SANITIZE_THREAD__)
  // This checker ends a child of a program with threads that starts threads itself.
  const bool checker_allows = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  const bool checker_allows = false;
#else
  const bool checker_allows = true;
#endif
#else
  const bool checker_allows = true;
#endif
  auto pool = make_pool();
  pool.submit([] {}).get();
  // oneTBB's threads are gone in the child, and it does not know: nothing to be had there.
  if (!checker_allows || GetParam().engine == "tbb") return;
  const int status = in_child([&] {
    filch::pool own(make_engine());
    return own.submit([] { return 5; }).get() == 5 ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
