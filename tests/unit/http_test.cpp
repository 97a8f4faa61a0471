#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filch/http.hpp>
#include <string>
#include <vector>

#include "latency_server.hpp"
#include "sockets.hpp"

/// What filch::http answers, and every way in which it refuses.
namespace {

using namespace std::chrono_literals;
using filch::test::latency_server;
using filch_test::listening_port;
using std::chrono::steady_clock;
namespace http = filch::http;

constexpr auto soon = 10s;

double milliseconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// The code of the failure that `ask` ends with.
template <class Ask>
http::failure failure_of(Ask ask) {
  try {
    ask();
    ADD_FAILURE() << "there was an answer";
  } catch (const http::request_failed& error) {
    return error.code();
  }
  return http::failure::other;
}

template <class Ask>
std::string message_of(Ask ask) {
  try {
    ask();
  } catch (const filch::error& error) {
    return error.what();
  }
  ADD_FAILURE() << "there was an answer";
  return {};
}

TEST(http, status_headers_and_body_arrive) {
  const latency_server server;
  const http::response answer = http::get(server.url("/delay/1/1000"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, std::string(1000, 'x'));
  EXPECT_EQ(answer.url, server.url("/delay/1/1000"));
  EXPECT_EQ(answer.header("Content-Length"), "1000");
  EXPECT_EQ(answer.header("cOnTeNt-LeNgTh"), "1000");
  EXPECT_EQ(answer.header("Content"), "");
}

TEST(http, an_empty_body_is_an_answer) {
  const latency_server server;
  EXPECT_EQ(http::get(server.url("/delay/0/0")).body, "");
  EXPECT_EQ(http::get(server.url("/status/204/0")).status, 204);
}

TEST(http, a_bad_status_is_an_answer_to_get_and_an_error_to_get_ok) {
  const latency_server server;
  const http::response answer = http::get(server.url("/status/500/0"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "as you wish\n");
  EXPECT_THROW(answer.raise_for_status(), http::bad_status);
  EXPECT_EQ(http::get_ok(server.url("/status/299/0")).status, 299);
  try {
    http::get_ok(server.url("/status/404/0"));
    FAIL();
  } catch (const http::bad_status& error) {
    EXPECT_EQ(error.status(), 404);
    EXPECT_EQ(error.url(), server.url("/status/404/0"));
    EXPECT_THAT(error.what(), testing::HasSubstr("404"));
  }
}

TEST(http, request_headers_are_sent) {
  const latency_server server;
  const auto echoed =
      http::get(server.url("/headers"),
                {.headers = {{"X-One", "1"}, {"X-Empty", ""}, {"User-Agent", "mine"}}})
          .body;
  EXPECT_THAT(echoed, testing::HasSubstr("X-One: 1\n"));
  EXPECT_THAT(echoed, testing::HasSubstr("X-Empty: \n"));
  EXPECT_THAT(echoed, testing::HasSubstr("User-Agent: mine\n"));
}

TEST(http, a_header_cannot_smuggle_in_another) {
  const latency_server server;
  for (const http::header_list& headers : std::vector<http::header_list>{
           {{"X", "1\r\nHost: elsewhere"}}, {{"X\n", "1"}}, {{"", "1"}}, {{"X: 1", "2"}}}) {
    EXPECT_EQ(failure_of([&] { http::get(server.url("/headers"), {.headers = headers}); }),
              http::failure::bad_header);
  }
  EXPECT_EQ(server.stats().requests, 0U);
}

TEST(http, a_compressed_body_is_unpacked) {
  const latency_server server;
  const http::response answer = http::get(server.url("/gzip/100000"));
  EXPECT_EQ(answer.body, std::string(100000, '\0'));
  EXPECT_EQ(answer.header("content-encoding"), "gzip");
}

TEST(http, accept_encoding_says_what_is_offered) {
  const latency_server server;
  EXPECT_THAT(http::get(server.url("/headers")).body, testing::HasSubstr("gzip"));
  EXPECT_THAT(http::get(server.url("/headers"), {.accept_encoding = "identity"}).body,
              testing::HasSubstr("Accept-Encoding: identity\n"));
}

TEST(http, a_body_is_capped_after_decompression) {
  const latency_server server;
  EXPECT_EQ(http::get(server.url("/gzip/1000000"), {.max_body = 1000000}).body.size(), 1000000U);
  const auto bomb = [&] { http::get(server.url("/gzip/1000001"), {.max_body = 1000000}); };
  EXPECT_EQ(failure_of(bomb), http::failure::body_too_large);
  EXPECT_THAT(message_of(bomb), testing::HasSubstr("max_body"));
  EXPECT_EQ(failure_of([&] { http::get(server.url("/drip/20/100"), {.max_body = 99}); }),
            http::failure::body_too_large);
  EXPECT_EQ(failure_of([&] { http::get(server.url("/gzip/70000000")); }),
            http::failure::body_too_large);
}

TEST(http, headers_are_capped) {
  const latency_server server;
  // Each redirect names the next address in a header of 60 kB; five of them are too many.
  const auto long_way = [&](int redirects) {
    std::string url = server.url("/delay/0");
    for (int i = 0; i < redirects; ++i) {
      url = server.url("/redirect-to?url=") + url + std::string(i == 0 ? 60000 : 0, 'a');
    }
    return url;
  };
  EXPECT_EQ(http::get(long_way(2)).status, 400);
  EXPECT_EQ(failure_of([&] { http::get(long_way(6), {.max_redirects = 9}); }),
            http::failure::headers_too_large);
}

TEST(http, redirects_are_followed_up_to_the_limit) {
  const latency_server server;
  const http::response answer = http::get(server.url("/redirect/3/1"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.url, server.url("/delay/1"));
  EXPECT_EQ(answer.header("location"), "") << "that was an earlier answer's";
  const auto four = [&] { http::get(server.url("/redirect/4/1")); };
  EXPECT_EQ(failure_of(four), http::failure::too_many_redirects);
  EXPECT_THAT(message_of(four), testing::HasSubstr("max_redirects"));
  EXPECT_EQ(failure_of([&] { http::get(server.url("/redirect/1/1"), {.max_redirects = 0}); }),
            http::failure::too_many_redirects);
}

TEST(http, redirects_to_other_schemes_are_refused) {
  const latency_server server;
  for (const char* target : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"}) {
    const auto ask = [&] { http::get(server.url("/redirect-to?url=") + target); };
    EXPECT_EQ(failure_of(ask), http::failure::unsupported_scheme) << target;
  }
}

TEST(http, secrets_of_the_first_host_stay_there) {
  const latency_server first;
  const latency_server second;
  const http::get_options options{
      .headers = {{"Authorization", "Bearer secret"}, {"Cookie", "secret"}, {"X-Plain", "1"}}};
  const auto direct = http::get(first.url("/headers"), options).body;
  EXPECT_THAT(direct, testing::HasSubstr("Bearer secret"));
  const auto elsewhere =
      http::get(first.url("/redirect-to?url=") + second.url("/headers"), options).body;
  EXPECT_THAT(elsewhere, testing::HasSubstr("X-Plain"));
  EXPECT_THAT(elsewhere, testing::Not(testing::HasSubstr("secret")));
}

TEST(http, schemes_but_http_and_https_are_refused) {
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "dict://127.0.0.1/d:x"}) {
    EXPECT_EQ(failure_of([&] { http::get(url); }), http::failure::unsupported_scheme) << url;
  }
}

TEST(http, what_is_not_a_url_is_named_and_refused) {
  const std::string with_zero("http://127.0.0.1/\0x", 19);
  for (const std::string& url :
       {std::string(), std::string("example.org/x"), with_zero, std::string("http://"),
        std::string("http://127.0.0.1/a b"), std::string("http://127.0.0.1:99999/")}) {
    const auto ask = [&] { http::get(url); };
    EXPECT_EQ(failure_of(ask), http::failure::bad_url) << url;
    EXPECT_THAT(message_of(ask), testing::HasSubstr("is not a URL")) << url;
  }
}

TEST(http, passwords_do_not_reach_messages_or_urls) {
  const latency_server server;
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  const auto answer = http::get("http://me:secret@" + host + "/headers");
  EXPECT_THAT(answer.body, testing::HasSubstr("Authorization: Basic"));
  EXPECT_EQ(answer.url, "http://" + host + "/headers");
  for (const std::string& url :
       {"http://me:secret@" + host + "/fail", std::string("http://me:secret@nowhere.invalid/"),
        std::string("http://me:secret@x@nowhere.invalid/"), std::string("ftp://me:secret@h/"),
        std::string("http//me:secret@host"), std::string("http://me:secret@host/a b")}) {
    EXPECT_THAT(message_of([&] { http::get(url); }), testing::Not(testing::HasSubstr("secret")));
  }
  EXPECT_THAT(message_of([&] { http::get_ok("http://me:secret@" + host + "/status/404/0"); }),
              testing::Not(testing::HasSubstr("secret")));
}

TEST(http, a_timeout_is_timed_out_and_names_the_url) {
  const latency_server server;
  const auto start = steady_clock::now();
  const auto ask = [&] { http::get(server.url("/hang"), {.timeout = 100ms}); };
  EXPECT_THROW(ask(), filch::timed_out);
  EXPECT_GE(milliseconds_since(start), 99);
  EXPECT_THAT(message_of(ask), testing::HasSubstr("/hang"));
  EXPECT_THROW(http::get(server.url("/drip/60000/100"), {.timeout = 100ms}), filch::timed_out);
  EXPECT_TRUE(server.wait_for_aborted(3, soon));
}

TEST(http, a_connection_that_is_not_made_in_time_is_timed_out) {
  const listening_port full(listening_port::kind::full);
  EXPECT_THROW(http::get(full.url("http"), {.connect_timeout = 100ms}), filch::timed_out);
  const listening_port mute(listening_port::kind::open);
  EXPECT_THROW(http::get(mute.url("https"), {.connect_timeout = 100ms}), filch::timed_out);
}

TEST(http, time_that_was_over_before_sends_nothing) {
  const latency_server server;
  EXPECT_THROW(http::get(server.url("/delay/0"), {.timeout = 0ms}), filch::timed_out);
  EXPECT_THROW(http::get(server.url("/delay/0"), {.connect_timeout = -1ms}), filch::timed_out);
  EXPECT_EQ(server.stats().requests, 0U);
  constexpr auto for_ever = std::chrono::milliseconds::max();
  EXPECT_EQ(
      http::get(server.url("/delay/1"), {.connect_timeout = for_ever, .timeout = for_ever}).status,
      200);
}

TEST(http, a_refused_connection_is_a_connect_failure) {
  std::string url;
  {
    const listening_port closed_again(listening_port::kind::open);
    url = closed_again.url("http");
  }
  const auto ask = [&] { http::get(url); };
  EXPECT_EQ(failure_of(ask), http::failure::connect);
  EXPECT_THAT(message_of(ask), testing::HasSubstr("refused"));
}

TEST(http, an_unknown_host_is_a_resolve_failure) {
  EXPECT_EQ(failure_of([] { http::get("http://nowhere.invalid/"); }), http::failure::resolve);
}

TEST(http, a_connection_cut_short_is_a_reset) {
  const latency_server server;
  for (const char* path : {"/fail", "/reset/0", "/reset/30"}) {
    EXPECT_EQ(failure_of([&] { http::get(server.url(path)); }), http::failure::reset) << path;
  }
}

TEST(http, a_dripping_body_is_put_together) {
  const latency_server server;
  EXPECT_EQ(http::get(server.url("/drip/50/5000")).body, std::string(5000, 'd'));
}

TEST(http, a_server_that_speaks_no_tls_is_a_tls_failure) {
  const latency_server server;
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";
  EXPECT_EQ(failure_of([&] { http::get(url, {.timeout = soon}); }), http::failure::tls);
}

TEST(http, a_missing_authority_file_is_a_tls_failure) {
  const listening_port mute(listening_port::kind::open);
  EXPECT_EQ(failure_of([&] { http::get(mute.url("https"), {.ca_file = "/nonexistent.pem"}); }),
            http::failure::tls);
}

TEST(http, only_a_proxy_that_was_asked_for_is_used) {
  const latency_server server;
  const latency_server proxy;
  ::setenv("http_proxy", proxy.url("").c_str(), 1);
  ::setenv("no_proxy", "*", 1);
  EXPECT_EQ(http::get(server.url("/delay/0")).status, 200);
  EXPECT_EQ(proxy.stats().requests, 0U);
  EXPECT_EQ(http::get("http://nowhere.invalid/delay/0", {.proxy = proxy.url("")}).status, 200);
  EXPECT_EQ(proxy.stats().requests, 1U);
  ::unsetenv("http_proxy");
  ::unsetenv("no_proxy");
}

}  // namespace
