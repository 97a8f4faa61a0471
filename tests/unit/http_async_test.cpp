#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filch/http.hpp>
#include <filch/imap.hpp>
#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/retry.hpp>
#include <filch/submit.hpp>
#include <filch/when.hpp>
#include <filesystem>
#include <future>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "latency_server.hpp"

/// Answers that nobody waits for with a thread.
namespace {

using namespace std::chrono_literals;
using filch::test::latency_server;
namespace http = filch::http;

constexpr auto soon = 10s;

std::ptrdiff_t threads_here() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST(http_async, the_future_has_the_answer) {
  const latency_server server;
  auto answer = http::get_async(server.url("/delay/5/7"));
  EXPECT_EQ(answer.get().body, "xxxxxxx");
}

TEST(http_async, every_failure_is_in_the_future) {
  const latency_server server;
  EXPECT_THROW(http::get_async("ftp://example.org/").get(), http::request_failed);
  EXPECT_THROW(http::get_async(server.url("/fail")).get(), http::request_failed);
  EXPECT_EQ(http::get_async(server.url("/status/404/0")).get().status, 404);
  EXPECT_THROW(http::get_ok_async(server.url("/status/404/0")).get(), http::bad_status);
  EXPECT_THROW(http::get_async(server.url("/hang"), {.timeout = 20ms}).get(), filch::timed_out);
  EXPECT_THROW(http::get_async(server.url("/hang"), {.timeout = 0ms}).get(), filch::timed_out);
  EXPECT_THROW(http::get_async(server.url("/"), {.headers = {{"a\n", "b"}}}).get(),
               http::request_failed);
}

TEST(http_async, cancel_closes_the_connection) {
  const latency_server server;
  auto answer = http::get_async(server.url("/hang"));
  ASSERT_TRUE(server.wait_for_requests(1, soon));
  answer.cancel();
  EXPECT_THROW(answer.get(), filch::cancelled);
  EXPECT_TRUE(server.wait_for_aborted(1, soon));
}

TEST(http_async, a_stop_of_the_users_or_of_the_job_does_so_too) {
  const latency_server server;
  std::stop_source user;
  auto answer = http::get_async(server.url("/hang"), {.stop = user.get_token()});
  user.request_stop();
  EXPECT_THROW(answer.get(), filch::cancelled);
  EXPECT_THROW(http::get_async(server.url("/hang"), {.stop = user.get_token()}).get(),
               filch::cancelled);

  filch::pool pool(1U);
  std::stop_source of_job;
  auto job = pool.with({.stop = of_job.get_token()}).submit([&] {
    return http::get_async(server.url("/hang"));
  });
  auto inner = job.get();
  of_job.request_stop();
  EXPECT_THROW(inner.get(), filch::cancelled);
}

TEST(http_async, a_thousand_under_way_take_one_thread) {
  filch::test::raise_descriptor_limit();
  const latency_server server;
  filch::pool pool(2U);
  http::get(server.url("/delay/0"));
  const auto before = threads_here();
  std::vector<filch::future<http::response>> answers;
  for (int i = 0; i < 1000; ++i) answers.push_back(http::get_async(server.url("/delay/300/3")));
  EXPECT_LE(threads_here(), before + 2);  // the default pool's timers may begin
  for (auto& each : answers) EXPECT_EQ(each.get().body, "xxx");
  EXPECT_GE(server.stats().peak, 900U);
}

TEST(http_async, a_race_of_five_hundred_leaves_no_connection_behind) {
  filch::test::raise_descriptor_limit();
  const latency_server server;
  filch::pool pool(1U);
  std::vector<std::string> urls(500, server.url("/hang"));
  urls.push_back(server.url("/delay/100/4"));
  const auto won = pool.race(http::get_ok_async, urls);
  EXPECT_EQ(won.index, 500U);
  EXPECT_EQ(won.value.body, "xxxx");
  EXPECT_TRUE(server.wait_for_aborted(500, soon));
}

TEST(http_async, then_runs_in_the_pool_of_the_job_that_asked) {
  const latency_server server;
  filch::pool pool(1U);
  auto length = pool.submit([&] {
    return http::get_async(server.url("/delay/1/9")).then([](http::response r) {
      return r.body.size();
    });
  });
  EXPECT_EQ(length.get().get(), 9U);
}

TEST(http_async, a_future_that_is_dropped_leaves_the_transfer_to_end) {
  const latency_server server;
  static_cast<void>(http::get_async(server.url("/delay/20")));
  EXPECT_TRUE(server.wait_until([](const auto& s) { return s.served == 1; }, soon));
}

TEST(http_async, asked_and_cancelled_from_many_threads) {
  filch::test::raise_descriptor_limit();
  const latency_server server;
  std::atomic<int> answered{0};
  std::atomic<int> cancelled{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        auto answer = http::get_async(server.url((i + t) % 2 == 0 ? "/delay/1" : "/hang"));
        if ((i + t) % 2 != 0 || i % 3 == 0) answer.cancel();
        try {
          answer.get();
          ++answered;
        } catch (const filch::cancelled&) {
          ++cancelled;
        }
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(answered + cancelled, 400);
  EXPECT_GE(cancelled, 200);
}

/// What `f` throws on the thread that brings the answers.
template <class F>
std::exception_ptr thrown_in_a_callback(F f) {
  const latency_server server;
  auto answer = http::get_async(server.url("/hang"));
  std::promise<std::exception_ptr> said;
  answer.on_error([&](const std::exception_ptr&) {
    try {
      f(server);
      said.set_value(nullptr);
    } catch (...) {
      said.set_value(std::current_exception());
    }
  });
  answer.cancel();
  return said.get_future().get();
}

TEST(http_async, a_callback_that_waits_for_another_answer_is_told_so) {
  const auto of_get = thrown_in_a_callback([](auto& s) { http::get(s.url("/delay/1")); });
  ASSERT_TRUE(of_get);
  EXPECT_THROW(std::rethrow_exception(of_get), filch::would_deadlock);
  const auto of_wait = thrown_in_a_callback([](auto& s) { http::get_async(s.url("/1")).get(); });
  ASSERT_TRUE(of_wait);
  EXPECT_THROW(std::rethrow_exception(of_wait), filch::would_deadlock);
}

TEST(http_async, retry_asks_again_without_a_thread) {
  const latency_server server;
  const auto again = filch::retry(http::get_ok_async, {.attempts = 3, .backoff = 1ms});
  EXPECT_EQ(again(server.url("/delay/1/4")).get().body, "xxxx");
  EXPECT_THROW(again(server.url("/status/503/0")).get(), http::bad_status);
  EXPECT_TRUE(server.wait_for_requests(4, soon));
}

}  // namespace
