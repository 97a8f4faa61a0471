// What becomes of jobs of the default pool when the process ends.
#include <filch/exit.hpp>
#include <filch/pool.hpp>
#include <filch/select.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "support/sanitizer.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How a child ended, when, and what its jobs wrote.
struct ending {
  int status = -1;
  clock::duration after{};
  std::string wrote{};
};

std::array<int, 2> ends;

void write_letter(char letter) {
  if (::write(ends[1], &letter, 1) != 1) std::abort();
}

class process_end : public testing::TestWithParam<std::string> {
 protected:
  /// Runs `body` in a child whose default pool is on this engine.
  template <class Body>
  ending child(Body body) {
    if (::pipe(ends.data()) != 0) std::abort();
    const auto begin = clock::now();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::alarm(20);
      filch::set_default_engine(filch::make_engine(GetParam(), GetParam() == "serial" ? 0 : 2));
      body();
      ::_exit(99);
    }
    ::close(ends[1]);
    ending e;
    char letter = 0;
    while (::read(ends[0], &letter, 1) == 1) e.wrote += letter;
    ::close(ends[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    e.after = clock::now() - begin;
    e.status = WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
    return e;
  }
  /// A lane on which a job runs though nobody waits for it.
  static filch::job_options aside() {
    return {.lane = GetParam() == "serial" ? filch::lane::io : filch::lane::cpu};
  }
  void SetUp() override {
    if (filch_test::under_thread_sanitizer) GTEST_SKIP() << "it allows no threads in such children";
  }
};

INSTANTIATE_TEST_SUITE_P(engines, process_end, testing::Values("native", "tbb", "serial"),
                         [](const auto& run) { return run.param; });

TEST_P(process_end, a_job_that_hears_its_stop_ends_first) {
  const auto e = child([] {
    filch::default_pool().with(aside()).post([] {
      write_letter('b');
      while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(1ms);
      write_letter('s');
    });
    std::this_thread::sleep_for(50ms);
    std::exit(7);
  });
  EXPECT_EQ(e.status, 7);
  EXPECT_EQ(e.wrote, "bs");
  EXPECT_LT(e.after, 5s);
}

TEST_P(process_end, a_job_that_hears_nothing_is_waited_for_no_longer_than_a_moment) {
  const auto e = child([] {
    filch::default_pool().with(aside()).post([] { std::this_thread::sleep_for(15s); });
    std::this_thread::sleep_for(50ms);
    std::exit(7);
  });
  EXPECT_EQ(e.status, 7);
  EXPECT_LT(e.after, 5s);
}

TEST_P(process_end, no_job_begins_when_it_is_over) {
  const auto e = child([] {
    // Registered before the pool is made, so it runs after the pool's own.
    std::atexit([] { std::this_thread::sleep_for(400ms); });
    auto& pool = filch::default_pool();
    for (int i = 0; i < 10; ++i) {
      pool.with(aside()).post([] {
        std::this_thread::sleep_for(250ms);
        // Made by a job that went on: it may be queued, it may not run.
        try {
          filch::default_pool().post([] { write_letter('x'); });
        } catch (const filch::pool_closed&) {
        }
      });
    }
    std::this_thread::sleep_for(50ms);
    std::exit(7);
  });
  EXPECT_EQ(e.status, 7);
  EXPECT_EQ(e.wrote, "");
}

TEST_P(process_end, a_job_may_end_it) {
  const auto e = child([] {
    filch::default_pool().with(aside()).post([] { std::exit(8); });
    std::this_thread::sleep_for(10s);
  });
  EXPECT_EQ(e.status, 8);
  EXPECT_LT(e.after, 5s);
}

TEST_P(process_end, exit_now_waits_for_nobody) {
  const auto e = child([] {
    std::atexit([] { write_letter('x'); });
    filch::default_pool().with(aside()).post([] { std::this_thread::sleep_for(15s); });
    std::this_thread::sleep_for(50ms);
    ::dup2(ends[1], 1);
    std::printf("said");
    filch::exit_now(9);
  });
  EXPECT_EQ(e.status, 9);
  EXPECT_EQ(e.wrote, "said");
  EXPECT_LT(e.after, 5s);
}

TEST_P(process_end, exit_now_does_not_wait_for_a_stream_that_somebody_is_in) {
  const auto e = child([] {
    std::thread([] {
      ::flockfile(stdout);
      std::this_thread::sleep_for(15s);
    }).detach();
    std::this_thread::sleep_for(50ms);
    filch::exit_now(9);
  });
  EXPECT_EQ(e.status, 9);
  EXPECT_LT(e.after, 5s);
}

TEST_P(process_end, the_trace_of_the_default_pool_is_written) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("filch_trace_" + std::to_string(::getpid()) + "_" + GetParam());
  std::filesystem::remove(path);
  ::setenv("FILCH_TRACE", path.c_str(), 1);
  const auto e = child([] {
    filch::default_pool().with({.name = "a job to be seen"}).submit([] {}).get();
    std::exit(4);
  });
  ::unsetenv("FILCH_TRACE");
  EXPECT_EQ(e.status, 4);
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(text.find("a job to be seen"), std::string::npos) << text.substr(0, 200);
  std::filesystem::remove(path);
}

TEST_P(process_end, a_forked_child_of_a_process_with_a_pool_may_exit) {
  const auto e = child([] {
    filch::default_pool().submit([] {}).get();
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      ::alarm(10);
      std::exit(5);
    }
    int status = 0;
    ::waitpid(grandchild, &status, 0);
    std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100);
  });
  EXPECT_EQ(e.status, 5);
}

}  // namespace
