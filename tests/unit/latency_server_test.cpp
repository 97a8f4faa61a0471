#include "latency_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using filch::test::latency_server;
using filch::test::server_stats;
using std::chrono::steady_clock;

constexpr auto soon = 10s;

double milliseconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// A client made of a socket, which sends one request and closes when told.
class client {
 public:
  client(const latency_server& server, std::string_view path, in_addr_t host = INADDR_LOOPBACK)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(host);
    address.sin_port = htons(server.port());
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ask(path);
  }
  client(client&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  client& operator=(client&&) = delete;
  ~client() { close(); }

  void ask(std::string_view path) const {
    const std::string text = "GET " + std::string(path) + " HTTP/1.1\r\nHost: here\r\n\r\n";
    EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  /// Closes with a reset in place of an orderly end.
  void abort() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  /// What has come; empty at the end of the connection.
  std::string receive() const {
    std::array<char, 4096> buffer;
    const auto n = ::recv(socket_, buffer.data(), buffer.size(), 0);
    error_ = n < 0 ? errno : 0;
    return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
  }
  int error() const { return error_; }

 private:
  int socket_;
  mutable int error_ = 0;
};

TEST(latency_server, notices_at_once_that_a_client_has_left) {
  const latency_server server;
  std::size_t aborted = 0;
  double slowest = 0;
  for (const char* path : {"/hang", "/delay/60000", "/status/200/60000", "/drip/60000/60000"}) {
    for (const bool orderly : {true, false}) {
      client visitor(server, path);
      ASSERT_TRUE(server.wait_for_requests(aborted + 1, soon));
      const auto start = steady_clock::now();
      orderly ? visitor.close() : visitor.abort();
      ASSERT_TRUE(server.wait_for_aborted(++aborted, soon)) << path;
      slowest = std::max(slowest, milliseconds_since(start));
    }
  }
  std::printf("  the slowest of %zu was noticed after %.3f ms\n", aborted, slowest);
  EXPECT_LT(slowest, 500);
  const server_stats stats = server.stats();
  EXPECT_EQ(stats.open, 0U);
  EXPECT_EQ(stats.served, 0U);
}

TEST(latency_server, a_client_that_had_its_answer_has_not_aborted) {
  const latency_server server;
  client visitor(server, "/delay/0/10");
  EXPECT_THAT(visitor.receive(), testing::HasSubstr("xxxxxxxxxx"));
  visitor.close();
  EXPECT_TRUE(server.wait_until([](const server_stats& s) { return s.open == 0; }, soon));
  EXPECT_EQ(server.stats().aborted, 0U);
  EXPECT_EQ(server.stats().served, 1U);
}

TEST(latency_server, a_connection_serves_several_requests_also_early_ones) {
  const latency_server server;
  client visitor(server, "/delay/20/3");
  visitor.ask("/delay/0/5");
  std::string all;
  while (all.find("xxxxx") == std::string::npos) all += visitor.receive();
  EXPECT_THAT(all, testing::HasSubstr("Content-Length: 3"));
  EXPECT_EQ(server.stats().peak, 1U);
  EXPECT_EQ(server.stats().requests, 2U);
}

TEST(latency_server, fail_ends_the_connection_and_reset_resets_it) {
  const latency_server server;
  const client failed(server, "/fail");
  EXPECT_EQ(failed.receive(), "");
  EXPECT_EQ(failed.error(), 0);
  const client reset(server, "/reset/10");
  EXPECT_EQ(reset.receive(), "");
  EXPECT_EQ(reset.error(), ECONNRESET);
  EXPECT_TRUE(server.wait_until([](const server_stats& s) { return s.open == 0; }, soon));
  EXPECT_EQ(server.stats().aborted, 0U);
}

TEST(latency_server, answers_are_on_time_among_thousands_of_others) {
  ASSERT_GE(filch::test::raise_descriptor_limit(), 8192U) << "the test needs `ulimit -Hn` of 8192";
  const latency_server server;
  constexpr std::size_t crowd = 3000;
  std::vector<client> waiting;
  for (std::size_t i = 0; i < crowd; ++i) {
    waiting.emplace_back(server, "/delay/" + std::to_string(30000 + i));
  }
  ASSERT_TRUE(server.wait_for_requests(crowd, 60s));
  EXPECT_EQ(server.stats().open, crowd);
  std::vector<double> late;
  for (int i = 0; i < 20; ++i) {
    const auto start = steady_clock::now();
    const client visitor(server, "/delay/20");
    EXPECT_THAT(visitor.receive(), testing::HasSubstr("200 OK"));
    late.push_back(milliseconds_since(start) - 20);
  }
  std::ranges::sort(late);
  std::printf("  among %zu: median %.3f ms late, worst %.3f ms\n", crowd, late[10], late[19]);
  EXPECT_GE(late.front(), 0) << "none is early";
  EXPECT_LT(late[10], 20);
  waiting.clear();
  EXPECT_TRUE(server.wait_for_aborted(crowd, soon));
}

TEST(latency_server, answers_with_the_number_it_was_asked_for_on_each_of_its_hosts) {
  const latency_server server(3);
  for (in_addr_t host = 0; host < 3; ++host) {
    const auto path = "/number/0/" + std::to_string(40 + host);
    EXPECT_THAT(client(server, path, INADDR_LOOPBACK + host).receive(),
                testing::EndsWith("\r\n\r\n" + std::to_string(40 + host)));
  }
}

TEST(latency_server, says_what_it_does_not_know) {
  const latency_server server;
  for (const char* path : {"/", "/nothing", "/delay", "/status/200", "/hang/1"}) {
    EXPECT_THAT(client(server, path).receive(), testing::HasSubstr("404")) << path;
  }
  for (const char* path : {"/delay/x", "/delay/-1", "/delay/99999999999"}) {
    EXPECT_THAT(client(server, path).receive(), testing::HasSubstr("400")) << path;
  }
}

TEST(latency_server, shows_its_stats_as_json) {
  const latency_server server;
  EXPECT_THAT(client(server, "/stats").receive(),
              testing::HasSubstr(
                  "{\"aborted\": 0, \"dropped\": 0, \"open\": 1, \"peak\": 1, \"requests\": 1, "
                  "\"served\": 0}"));
}

}  // namespace
