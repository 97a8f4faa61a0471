#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filch/http.hpp>
#include <filch/imap.hpp>
#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "latency_server.hpp"

/// What is left when thousands have come and gone.
namespace {

using namespace std::chrono_literals;
using filch::test::latency_server;
namespace http = filch::http;

constexpr auto soon = 10s;

std::ptrdiff_t entries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

int until_stopped(int) {
  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(20us);
  throw filch::cancelled();
}

/// Races of all kinds, each with a loser that has to be stopped.
void race_once(const filch::pool& pool, const latency_server& server, int n) {
  const std::vector<std::string> urls{server.url("/hang"), server.url("/delay/0")};
  const auto at_once = [](int x) { return x == 0 ? until_stopped(x) : x; };
  switch (n % 4) {
    case 0:
      EXPECT_EQ(pool.race(http::get_ok_async, urls).index, 1U);
      break;
    case 1:
      EXPECT_EQ(pool.race(at_once, std::array{0, 1}).value, 1);
      break;
    case 2:
      EXPECT_EQ(pool.race(at_once, std::array{0, 1}, {.deadline = 1h, .stagger = 50us}).value, 1);
      break;
    default:
      const auto later = [&](int x) {
        return pool.submit_after(x == 0 ? 1h : 0h, [x] { return x; });
      };
      EXPECT_EQ(pool.race(later, std::array{0, 1}, {.deadline = 1h}).value, 1);
  }
}

struct holdings {
  std::ptrdiff_t threads = entries("/proc/self/task");
  std::ptrdiff_t descriptors = entries("/proc/self/fd");
  std::size_t bytes =
      ::mallinfo2().uordblks;  // 0 under sanitizers, which look for leaks themselves
};

TEST(ten_thousand_races, leave_no_thread_descriptor_timer_or_byte_behind) {
  const latency_server server;
  const filch::pool pool(2U);
  for (int n = 0; n < 5000; ++n) race_once(pool, server, n);  // fills the lists of free blocks
  ASSERT_TRUE(server.wait_until([](const auto& s) { return s.open <= 1; }, soon));
  const holdings before;
  for (int n = 0; n < 10'000; ++n) race_once(pool, server, n);
  ASSERT_TRUE(server.wait_until([](const auto& s) { return s.open <= 1; }, soon));
  const holdings after;
  EXPECT_LE(after.threads, before.threads + 1);  // an io thread more, if one was slow to come back
  EXPECT_LE(after.descriptors, before.descriptors + 8);  // connections kept for the next time
  // 32 bytes for each race would be three times this.
  EXPECT_LE(after.bytes, before.bytes + 100'000);
}

TEST(a_server_that_is_killed, leaves_each_item_a_result_or_a_named_error) {
  auto server = std::make_unique<latency_server>();
  const filch::pool pool(2U);
  const std::vector<std::string> urls(400, server->url("/delay/20/5"));
  int good = 0;
  int failed = 0;
  auto pages = pool.imap_unordered(http::get, urls,
                                   {.buffer = 400, .in_flight = 32, .lane = filch::lane::io});
  for (auto it = pages.begin(); it != pages.end(); ++it) {
    try {
      good += (*it).value.body == "xxxxx" ? 1 : 0;
    } catch (const http::request_failed&) {
      ++failed;
    }
    if (good == 100) server.reset();
  }
  EXPECT_EQ(good + failed, 400);
  EXPECT_GE(good, 100);
  EXPECT_GT(failed, 0);
  EXPECT_EQ(pool.submit([] { return 3; }).get(), 3);
}

/// The limit of descriptors, lowered to what is open and so many more.
class few_descriptors {
 public:
  explicit few_descriptors(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(entries("/proc/self/fd")) + more;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;

 private:
  rlimit before_{};
};

/// The latency server as a process of its own, with descriptors of its own.
class server_process {
 public:
  server_process() {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
    if ((pid_ = ::fork()) == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::execl(FILCH_LATENCY_SERVER, "latency_server", nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    keeps_it_ = in[1];
    char digit = 0;
    while (::read(out[0], &digit, 1) == 1 && digit != '\n') port_ += digit;
    ::close(out[0]);
  }
  ~server_process() {
    ::close(keeps_it_);
    ::waitpid(pid_, nullptr, 0);
  }
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + port_ + path; }

 private:
  pid_t pid_ = -1;
  int keeps_it_ = -1;
  std::string port_;
};

TEST(a_stream_that_runs_out_of_descriptors, lowers_its_flight_and_gets_every_page) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer's type checks need descriptors of their own";
#endif
  const server_process server;
  const filch::pool pool(2U);
  http::get(server.url("/delay/0"));
  const std::vector<std::string> urls(300, server.url("/delay/2/5"));
  const few_descriptors limit(30);
  int good = 0;
  for (auto&& [index, page] : pool.imap_unordered(http::get_async, urls, {.in_flight = 100})) {
    good += page.body == "xxxxx" ? 1 : 0;
  }
  EXPECT_EQ(good, 300);
}

}  // namespace
