#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filch/http.hpp>
#include <filch/pool.hpp>
#include <filch/submit.hpp>
#include <filesystem>
#include <latch>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "latency_server.hpp"
#include "sockets.hpp"

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define FILCH_TEST_ASAN 1
#else
#define FILCH_TEST_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define FILCH_TEST_TSAN 1
#else
#define FILCH_TEST_TSAN 0
#endif

/// How filch::http is stopped, and what its one thread does for many callers.
namespace {

using namespace std::chrono_literals;
using filch::test::latency_server;
using filch::test::server_stats;
using filch_test::listening_port;
using std::chrono::steady_clock;
namespace http = filch::http;

constexpr auto soon = 10s;

/// Lookups of this name stall until the gate opens; see getaddrinfo below.
constexpr const char* stalling_host = "stalls.invalid";
std::atomic<bool> gate_open{false};
std::atomic<int> stalled_lookups{0};

double milliseconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    (void)entry;
    ++count;
  }
  return count;
}

/// Asks on a thread of its own, requests a stop once `reached` has returned, and returns how many
/// milliseconds the call took to end from there. It must end with filch::cancelled.
template <class Reached>
double milliseconds_to_stop(const char* phase, const std::string& url, Reached reached) {
  std::stop_source source;
  steady_clock::time_point returned;
  bool cancelled = false;
  std::thread caller([&] {
    try {
      http::get(url, {.stop = source.get_token()});
    } catch (const filch::cancelled&) {
      cancelled = true;
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    returned = steady_clock::now();
  });
  reached();
  const auto asked = steady_clock::now();
  source.request_stop();
  caller.join();
  EXPECT_TRUE(cancelled) << phase;
  const double took = std::chrono::duration<double, std::milli>(returned - asked).count();
  std::printf("  stopped while %-22s after %.3f ms\n", phase, took);
  return took;
}

/// Milliseconds; it takes under one on a quiet machine, and seconds if a stop is only polled for.
constexpr double prompt = FILCH_TEST_ASAN || FILCH_TEST_TSAN ? 500 : 50;

TEST(http_stop, a_stop_before_the_call_sends_nothing) {
  const latency_server server;
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(http::get(server.url("/delay/0"), {.stop = source.get_token()}), filch::cancelled);
  EXPECT_EQ(server.stats().requests, 0U);
}

TEST(http_stop, a_stop_after_the_answer_changes_nothing) {
  const latency_server server;
  std::stop_source source;
  EXPECT_EQ(http::get(server.url("/delay/0"), {.stop = source.get_token()}).status, 200);
  source.request_stop();
  EXPECT_EQ(http::get(server.url("/delay/0")).status, 200);
}

TEST(http_stop, a_stop_reaches_a_request_that_waits_for_its_answer) {
  const latency_server server;
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_LT(milliseconds_to_stop("waiting for headers", server.url("/hang"),
                                   [&] { EXPECT_TRUE(server.wait_for_requests(i, soon)); }),
              prompt);
    EXPECT_TRUE(server.wait_for_aborted(i, soon));
  }
  EXPECT_TRUE(server.wait_until([](const server_stats& s) { return s.open == 0; }, soon));
}

TEST(http_stop, the_running_jobs_stop_counts_where_none_was_given) {
  const latency_server server;
  filch::pool pool(1);
  auto answer = pool.submit([&] { return http::get(server.url("/hang")).status; });
  ASSERT_TRUE(server.wait_for_requests(1, soon));
  answer.cancel();
  EXPECT_THROW(answer.get(), filch::cancelled);
  EXPECT_TRUE(server.wait_for_aborted(1, soon));
}

TEST(http_stop, a_stop_reaches_a_body_on_its_way) {
  const latency_server server;
  const auto reached = [&] {
    server.wait_for_requests(1, soon);
    std::this_thread::sleep_for(50ms);
  };
  EXPECT_LT(milliseconds_to_stop("reading the body", server.url("/drip/60000/60000"), reached),
            prompt);
  EXPECT_TRUE(server.wait_for_aborted(1, soon));
}

TEST(http_stop, a_stop_reaches_a_connection_in_the_making) {
  const listening_port full(listening_port::kind::full);
  EXPECT_LT(milliseconds_to_stop("connecting", full.url("http"),
                                 [] { std::this_thread::sleep_for(50ms); }),
            prompt);
}

TEST(http_stop, a_stop_reaches_a_tls_handshake) {
  listening_port mute(listening_port::kind::open);
  EXPECT_LT(milliseconds_to_stop("shaking hands (TLS)", mute.url("https"),
                                 [&] { EXPECT_TRUE(mute.wait_for_bytes(soon)); }),
            prompt);
}

TEST(http_stop, a_stop_reaches_a_name_lookup) {
  gate_open = false;
  const int before = stalled_lookups;
  const auto reached = [&] {
    while (stalled_lookups == before) std::this_thread::sleep_for(1ms);
  };
  EXPECT_LT(milliseconds_to_stop("looking up the name",
                                 std::string("http://") + stalling_host + "/", reached),
            prompt);
  gate_open = true;
}

TEST(http_stop, a_timeout_reaches_a_name_lookup) {
  gate_open = false;
  const auto start = steady_clock::now();
  EXPECT_THROW(http::get(std::string("http://") + stalling_host + "/", {.timeout = 100ms}),
               filch::timed_out);
  EXPECT_LT(milliseconds_since(start), 5000);
  gate_open = true;
}

TEST(http_stop, a_stop_at_any_moment_ends_in_an_answer_or_in_cancelled) {
  const latency_server server;
  int answers = 0;
  int stops = 0;
  for (int i = 0; i < 200; ++i) {
    std::stop_source source;
    std::thread stopper([&source, i] {
      std::this_thread::sleep_for(std::chrono::microseconds(i * 10));
      source.request_stop();
    });
    try {
      EXPECT_EQ(http::get(server.url("/delay/1"), {.stop = source.get_token()}).body.size(), 64U);
      ++answers;
    } catch (const filch::cancelled&) {
      ++stops;
    }
    stopper.join();
  }
  EXPECT_EQ(answers + stops, 200);
  EXPECT_GT(stops, 0);
  std::printf("  %d answers, %d stops\n", answers, stops);
}

TEST(http_thread, many_calls_share_the_one_thread_and_the_latency) {
  filch::test::raise_descriptor_limit();
  const latency_server server;
  constexpr std::size_t calls = 300;
  std::latch ready(calls);
  std::vector<std::string> bodies(calls);
  std::vector<std::thread> callers;
  const auto start = steady_clock::now();
  for (std::size_t i = 0; i < calls; ++i) {
    callers.emplace_back([&, i] {
      ready.arrive_and_wait();
      bodies[i] = http::get(server.url("/delay/500/" + std::to_string(i))).body;
    });
  }
  for (auto& caller : callers) caller.join();
  const double took = milliseconds_since(start);
  std::printf("  %zu calls of 500 ms took %.0f ms, %zu connections at once\n", calls, took,
              server.stats().peak);
  for (std::size_t i = 0; i < calls; ++i) EXPECT_EQ(bodies[i].size(), i);
  EXPECT_EQ(server.stats().peak, calls);
  EXPECT_LT(took, 500 * 10);
}

TEST(http_thread, calls_in_a_row_share_a_connection) {
  const latency_server server;
  for (int i = 0; i < 20; ++i) http::get(server.url("/delay/0"));
  EXPECT_EQ(server.stats().peak, 1U);
}

TEST(http_thread, nothing_is_left_open_once_idle) {
  const std::size_t before = open_descriptors();
  {
    const latency_server server;
    std::vector<std::thread> callers;
    for (int i = 0; i < 20; ++i) {
      callers.emplace_back([&, i] {
        std::stop_source source;
        std::thread stopper([&] {
          std::this_thread::sleep_for(20ms);
          source.request_stop();
        });
        try {
          http::get(server.url(i % 2 ? "/delay/10" : "/hang"), {.stop = source.get_token()});
        } catch (const filch::cancelled&) {
        }
        stopper.join();
      });
    }
    for (auto& caller : callers) caller.join();
  }
  const auto start = steady_clock::now();
  while (open_descriptors() > before && milliseconds_since(start) < 20000) {
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_LE(open_descriptors(), before);
  std::printf("  back to %zu descriptors after %.1f s\n", before, milliseconds_since(start) / 1000);
  // The thread has ended; it comes back when it is needed.
  const latency_server server;
  EXPECT_EQ(http::get(server.url("/delay/0")).status, 200);
}

TEST(http_thread, without_descriptors_a_call_fails_instead_of_hanging) {
#if FILCH_TEST_ASAN
  GTEST_SKIP() << "the sanitizer's type checks need descriptors of their own";
#endif
  const latency_server server;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);
  ::close(next);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next);
  ::setrlimit(RLIMIT_NOFILE, &none);
  EXPECT_THROW(http::get(server.url("/delay/0"), {.timeout = soon}), http::request_failed);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(http::get(server.url("/delay/0")).status, 200);
}

TEST(http_thread, a_connection_without_a_descriptor_says_so) {
#if FILCH_TEST_ASAN
  GTEST_SKIP() << "the sanitizer's type checks need descriptors of their own";
#endif
  const latency_server server;
  auto kept_open = http::get_async(server.url("/hang"));
  ASSERT_TRUE(server.wait_for_requests(1, soon));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);
  ::close(next);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next);
  ::setrlimit(RLIMIT_NOFILE, &none);
  std::exception_ptr error;
  try {
    http::get(server.url("/delay/0"), {.timeout = soon});
  } catch (const http::request_failed& e) {
    error = std::current_exception();
    EXPECT_EQ(e.code(), http::failure::connect) << e.what();
    try {
      std::rethrow_if_nested(e);
      ADD_FAILURE() << "no cause";
    } catch (const std::system_error& cause) {
      EXPECT_EQ(cause.code(), std::errc::too_many_files_open);
    }
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(error);
  kept_open.cancel();
}

TEST(http_thread, a_forked_child_is_told_so) {
  const latency_server server;
  http::get(server.url("/delay/0"));
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      http::get(server.url("/delay/0"));
    } catch (const filch::forked_pool&) {
      ::_exit(42);
    } catch (...) {
    }
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

TEST(http_thread, the_process_may_end_long_after_its_last_transfer) {
  // In a fresh process, since this one may have used http already.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const latency_server server;
  const std::string url = server.url("/delay/0");
  EXPECT_EXIT(
      {
        http::get(url);
        std::this_thread::sleep_for(5500ms);  // the transfer thread ends after five idle seconds
        std::exit(3);
      },
      testing::ExitedWithCode(3), "");
}

TEST(http_thread, exit_ends_transfers_that_are_under_way) {
  // In a fresh process, since this one may have used http already.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const latency_server server;
  const std::string url = server.url("/hang");
  EXPECT_EXIT(
      {
        std::thread([url] {
          try {
            http::get(url);
          } catch (const filch::cancelled&) {
          }
          for (;;) ::pause();
        }).detach();
        server.wait_for_requests(1, soon);
        std::this_thread::sleep_for(100ms);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace

/// Stands before the system's in the search order of symbols, so libcurl calls this one: a name
/// server that does not answer, without privileges.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  if (node && std::strcmp(node, stalling_host) == 0) {
    ++stalled_lookups;
    while (!gate_open) std::this_thread::sleep_for(1ms);
    return EAI_FAIL;
  }
  using lookup = int(const char*, const char*, const addrinfo*, addrinfo**);
  static auto* const next = reinterpret_cast<lookup*>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(node, service, hints, result);
}
