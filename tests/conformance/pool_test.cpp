#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <signal.h>

#include <filch/pool.hpp>
#include <filch/select.hpp>
#include <filch/serial.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::busy_workers;
using filch_test::eventually;
using filch_test::unhandled_errors;

FILCH_CONFORMANCE(pool);

/// Threads of this process whose name starts with `prefix`.
int threads_named(const std::string& prefix) {
  int found = 0;
  std::error_code ended;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ended)) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (name.starts_with(prefix)) ++found;
  }
  return found;
}

// ---- making one

// mirrors CPython test_make_pool, test_max_workers_negative
TEST_P(pool, of_no_workers_is_refused) {
  EXPECT_THROW(filch::pool(0U), std::invalid_argument);
  EXPECT_THROW(filch::pool(std::unique_ptr<filch::engine>()), std::invalid_argument);
}

TEST_P(pool, of_absurdly_many_workers_is_refused) {
  EXPECT_THROW(filch::pool(4097U), std::invalid_argument);
  EXPECT_THROW(filch::pool{std::numeric_limits<unsigned>::max()}, std::invalid_argument);
  EXPECT_THROW(filch::pool({.workers = 4097}), std::invalid_argument);
  EXPECT_THROW(filch::pool(static_cast<unsigned>(-1)), std::invalid_argument);
}

TEST_P(pool, with_impossible_options_is_refused) {
  EXPECT_THROW(make_pool({.spin = -1ns}), std::invalid_argument);
  EXPECT_THROW(make_pool({.max_threads = std::numeric_limits<unsigned>::max()}),
               std::invalid_argument);
  if (workers() > 1) {
    EXPECT_THROW(make_pool({.max_threads = 1}), std::invalid_argument);
  }
}

TEST_P(pool, a_refusal_says_what_to_do) {
  try {
    const filch::pool none(0U);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string(e.what()).find("pool()"), std::string::npos) << e.what();
  }
}

// mirrors CPython test_make_pool: Pool(3) has 3 workers
TEST_P(pool, has_the_workers_it_was_asked_for) {
  auto p = make_pool();
  EXPECT_EQ(p.workers(), workers());
  EXPECT_EQ(p.stats().workers, workers());
  const auto text = p.describe();
  EXPECT_NE(text.find(GetParam().engine), std::string::npos) << text;
  EXPECT_NE(text.find(std::to_string(workers()) + " worker"), std::string::npos) << text;
}

TEST_P(pool, uses_all_its_workers_at_once) {
  auto p = make_pool();
  const busy_workers all(p, workers());  // returns when all are inside
  EXPECT_GE(p.stats().total().run, workers());
}

TEST_P(pool, runs_no_more_jobs_at_once_than_it_has_workers) {
  auto p = make_pool();
  filch_test::peak peak;
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 200; ++i) {
    jobs.push_back(p.submit([&] {
      peak.enter();
      std::this_thread::yield();
      peak.leave();
    }));
  }
  // Waits that run nothing, so that this thread is not one more.
  if (concurrent()) {
    for (auto& j : jobs) EXPECT_TRUE(j.wait_for(20s));
  } else {
    for (auto& j : jobs) j.wait();
  }
  EXPECT_LE(peak.most(), static_cast<int>(width()));
}

// mirrors CPython test_large_pool
TEST_P(pool, of_two_hundred_workers_sums_squares) {
  auto p = make_pool_of(200);
  std::vector<filch::future<long>> squares;
  for (long i = 0; i < 1000; ++i) squares.push_back(p.submit([i] { return i * i; }));
  long sum = 0;
  for (auto& s : squares) sum += s.get();
  EXPECT_EQ(sum, 332833500);
}

TEST_P(pool, pools_live_beside_each_other) {
  std::vector<std::unique_ptr<filch_test::test_pool>> many;
  for (int i = 0; i < 5; ++i) many.push_back(make_heap_pool());
  std::vector<filch::future<int>> results;
  for (int i = 0; i < 100; ++i) {
    results.push_back(many[static_cast<std::size_t>(i) % many.size()]->submit([i] { return i; }));
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i);
}

// ---- threads

// mirrors CPython test_initializer
TEST_P(pool, calls_on_start_and_on_exit_once_per_thread) {
  std::mutex mutex;
  std::multiset<std::thread::id> started;
  std::multiset<std::thread::id> ended;
  std::atomic<int> inside{0};
  {
    auto p = make_pool({.on_exit =
                            [&] {
                              const std::lock_guard lock(mutex);
                              ended.insert(std::this_thread::get_id());
                              --inside;
                            },
                        .on_start =
                            [&] {
                              const std::lock_guard lock(mutex);
                              started.insert(std::this_thread::get_id());
                              ++inside;
                            }});
    const busy_workers all(p, workers());
    EXPECT_GE(inside, static_cast<int>(workers()));
  }
  EXPECT_EQ(inside, 0);
  EXPECT_EQ(started, ended);
  if (GetParam().engine == "native") {
    EXPECT_EQ(started.size(), workers());
    EXPECT_EQ(std::set(started.begin(), started.end()).size(), workers());
  }
}

TEST_P(pool, calls_on_start_before_the_threads_first_job) {
  FILCH_NEEDS_CONCURRENT();
  static thread_local bool ready = false;
  auto p = make_pool({.on_exit = [] { ready = false; }, .on_start = [] { ready = true; }});
  std::vector<filch::future<bool>> seen;
  for (int i = 0; i < 200; ++i) seen.push_back(p.submit([] { return ready; }));
  // Waits that run nothing: on this thread there was no on_start.
  for (auto& s : seen) EXPECT_TRUE(s.get_for(20s));
}

// mirrors CPython test_initializer with a failing initializer; ours goes on and says so
TEST_P(pool, reports_a_failing_on_start_and_works) {
  unhandled_errors errors;
  {
    auto p = make_pool(
        {.on_start = [] { throw std::runtime_error("start"); }, .on_unhandled = errors.handler()});
    {
      const busy_workers all(p, workers());
    }
    EXPECT_EQ(p.submit([] { return 1; }).get(), 1);
  }
  EXPECT_GE(errors.count(), workers());
  for (std::size_t i = 0; i < errors.count(); ++i) EXPECT_EQ(errors.text(i), "start");
}

// mirrors CPython test_thread_names_assigned, test_thread_names_default
TEST_P(pool, names_its_threads) {
  auto named = make_pool({.name = "crunch"});
  auto usual = make_pool();
  named.with(filch::on_io).submit([] {}).get();
  usual.with(filch::on_io).submit([] {}).get();
  // Threads that oneTBB lends keep the names it gave them.
  const int own = GetParam().engine == "native" ? static_cast<int>(workers()) : 0;
  EXPECT_TRUE(eventually([&] { return threads_named("crunch") >= own + 1; }));
  EXPECT_TRUE(eventually([&] { return threads_named("filch") >= own + 1; }));
}

TEST_P(pool, leaves_no_thread_behind) {
  {
    auto p = make_pool({.name = "ending"});
    const busy_workers all(p, workers());
    p.with(filch::on_io).submit([] {}).get();
    EXPECT_GE(threads_named("ending"), 1);
  }
  EXPECT_TRUE(eventually([] { return threads_named("ending") == 0; }));
}

TEST_P(pool, gives_threads_the_stack_they_are_asked_for) {
  // More than the usual 8 MiB: a thread may be given a bigger stack that another has left.
  constexpr std::size_t wanted = 24U << 20U;
  auto p = make_pool({.stack_size = wanted});
  const auto stack_of_thread = [] {
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    std::size_t size = 0;
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    return size;
  };
  EXPECT_GE(p.with(filch::on_io).submit(stack_of_thread).get_for(20s), wanted);
  if (GetParam().engine == "native") {
    EXPECT_GE(p.submit(stack_of_thread).get_for(20s), wanted);
  }
}

TEST_P(pool, keeps_the_process_signals_off_its_threads) {
  auto p = make_pool();
  const auto blocked = [] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    std::vector<int> found;
    for (const int s :
         {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGUSR1, SIGSEGV, SIGFPE, SIGABRT, SIGPROF}) {
      if (sigismember(&mask, s) == 1) found.push_back(s);
    }
    return found;
  };
  const std::vector expected{SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGUSR1};
  EXPECT_EQ(p.with(filch::on_io).submit(blocked).get_for(20s), expected);
  if (concurrent()) {
    EXPECT_EQ(p.submit(blocked).get_for(20s), expected);
  }
}

TEST_P(pool, a_storm_of_signals_changes_nothing) {
  static std::atomic<int> handled{0};
  struct sigaction old{};
  struct sigaction counting{};
  counting.sa_handler = [](int) { ++handled; };
  sigaction(SIGUSR1, &counting, &old);
  {
    auto p = make_pool();
    std::atomic<bool> over{false};
    const pthread_t here = pthread_self();
    const std::jthread storm([&] {
      while (!over) {
        pthread_kill(here, SIGUSR1);
        std::this_thread::sleep_for(100us);
      }
    });
    for (int i = 0; i < 300; ++i) EXPECT_EQ(p.submit([i] { return i; }).get(), i);
    over = true;
  }
  sigaction(SIGUSR1, &old, nullptr);
}

// ---- what it tells

TEST_P(pool, counts_the_jobs_it_has_run) {
  auto p = make_pool();
  std::vector<filch::future<void>> jobs;
  for (int i = 0; i < 100; ++i) jobs.push_back(p.submit([] {}));
  for (auto& j : jobs) j.wait();
  p.close();
  p.join();
  const auto s = p.stats();
  EXPECT_EQ(s.total().run, 100U);
  std::uint64_t sum = 0;
  for (const auto& w : s.per_worker) sum += w.run;
  EXPECT_EQ(sum, s.total().run);
  EXPECT_GE(s.total().run, s.total().stolen);
  EXPECT_EQ(s.suppressed, 0U);
  EXPECT_EQ(s.unhandled, 0U);
}

TEST_P(pool, counts_io_threads) {
  auto p = make_pool();
  EXPECT_EQ(p.stats().io_threads, 0U);
  EXPECT_EQ(p.stats().io_threads_started, 0U);
  p.with(filch::on_io).submit([] {}).get();
  EXPECT_EQ(p.stats().io_threads, 1U);
  EXPECT_EQ(p.stats().io_threads_started, 1U);
}

TEST_P(pool, says_when_it_is_closed) {
  auto p = make_pool();
  EXPECT_EQ(p.describe().find("closed"), std::string::npos);
  p.close();
  EXPECT_NE(p.describe().find("closed"), std::string::npos);
}

TEST_P(pool, tells_its_workers_apart) {
  FILCH_NEEDS_CONCURRENT();
  EXPECT_FALSE(filch::this_worker::index().has_value());
  auto p = make_pool();
  std::mutex mutex;
  std::set<unsigned> seen;
  std::atomic<unsigned> entered{0};
  std::vector<filch::future<void>> jobs;
  for (unsigned i = 0; i < workers(); ++i) {
    jobs.push_back(p.submit([&] {
      {
        const std::lock_guard lock(mutex);
        seen.insert(filch::this_worker::index().value());
      }
      ++entered;
      while (entered < workers()) std::this_thread::yield();
    }));
  }
  for (auto& j : jobs) EXPECT_TRUE(j.wait_for(20s));
  EXPECT_EQ(seen.size(), workers());
  EXPECT_LT(*seen.rbegin(), workers());
}

// ---- engines by name

TEST_P(pool, an_engine_of_no_known_name_is_refused_with_the_names) {
  try {
    (void)filch::make_engine("threads");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("threads"), std::string::npos) << text;
    EXPECT_NE(text.find("native"), std::string::npos) << text;
    EXPECT_NE(text.find("serial"), std::string::npos) << text;
  }
}

TEST_P(pool, an_engine_says_its_name_and_width) {
  const auto e = make_engine();
  EXPECT_EQ(e->name(), GetParam().engine);
  EXPECT_EQ(e->width(), workers());
}

TEST_P(pool, the_environment_names_the_engine) {
  ASSERT_EQ(setenv("FILCH_ENGINE", GetParam().engine.c_str(), 1), 0);
  EXPECT_EQ(filch::make_engine()->name(), GetParam().engine);
  ASSERT_EQ(setenv("FILCH_ENGINE", "", 1), 0);
  EXPECT_EQ(filch::make_engine()->name(), "native");
  unsetenv("FILCH_ENGINE");
  EXPECT_EQ(filch::make_engine()->name(), "native");
}

TEST_P(pool, a_malformed_engine_variable_is_a_warning_and_native) {
  ASSERT_EQ(setenv("FILCH_ENGINE", "no\nsuch\x1b[31m", 1), 0);
  testing::internal::CaptureStderr();
  EXPECT_EQ(filch::make_engine()->name(), "native");
  const auto said = testing::internal::GetCapturedStderr();
  unsetenv("FILCH_ENGINE");
  EXPECT_NE(said.find("FILCH_ENGINE"), std::string::npos) << said;
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
  EXPECT_EQ(said.find('\n'), said.size() - 1) << "one line";
}

// mirrors CPython test_default_workers
TEST_P(pool, sizes_itself_by_the_environment_where_nobody_says) {
  ASSERT_EQ(setenv("FILCH_WORKERS", "1", 1), 0);
  const filch::pool one;
  unsetenv("FILCH_WORKERS");
  EXPECT_EQ(one.workers(), 1U);
  EXPECT_GE(filch::pool().workers(), 1U);
  if (concurrent()) {
    EXPECT_EQ(filch::make_engine(GetParam().engine)->width(), filch::pool().workers());
  }
}

TEST_P(pool, a_malformed_worker_variable_is_a_warning_and_the_default) {
  const unsigned usual = filch::pool().workers();
  for (const char* bad : {"0", "-1", "many", "3x", "99999999999999999999", " 2"}) {
    ASSERT_EQ(setenv("FILCH_WORKERS", bad, 1), 0);
    testing::internal::CaptureStderr();
    const unsigned got = filch::pool().workers();
    EXPECT_NE(testing::internal::GetCapturedStderr().find("FILCH_WORKERS"), std::string::npos)
        << bad;
    EXPECT_EQ(got, usual) << bad;
  }
  unsetenv("FILCH_WORKERS");
}

TEST_P(pool, the_default_pool_cannot_change_its_engine_once_it_exists) {
  EXPECT_EXIT(
      {
        filch::set_default_engine(make_engine());
        const bool as_chosen =
            filch::default_pool().describe().find(GetParam().engine) != std::string::npos;
        bool refused = false;
        try {
          filch::set_default_engine(make_engine());
        } catch (const std::logic_error&) {
          refused = true;
        }
        std::exit(as_chosen && refused ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
