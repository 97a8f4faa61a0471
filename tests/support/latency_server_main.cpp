#include <charconv>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "latency_server.hpp"
#include "server_main.hpp"

namespace {

unsigned hosts_of(int argc, char** argv) {
  if (argc < 2) return 1;
  const std::string_view word = argv[1];
  unsigned hosts = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), hosts);
  if (argc > 2 || error != std::errc() || end != word.data() + word.size() || hosts < 1 ||
      hosts > 254) {
    throw std::invalid_argument("the only argument is the number of hosts, 1 to 254");
  }
  return hosts;
}

}  // namespace

/// The latency server as a process of its own, for benchmarks, whose figures would otherwise
/// contain the server's work. Its only argument, if any, is the number of hosts.
int main(int argc, char** argv) {
  return filch::test::server_main("latency_server", [&] {
    const filch::test::latency_server server(hosts_of(argc, argv));
    filch::test::serve_at(server.port());
  });
}
