#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "latency_server.hpp"

/// The latency server as a process of its own: prints its port on a line and serves until its
/// standard input ends or SIGTERM or SIGINT comes. For benchmarks, whose figures would otherwise
/// contain the server's work. Its only argument, if any, is the number of hosts.
namespace {

int wait_for_the_end() {
  sigset_t end;
  ::sigemptyset(&end);
  ::sigaddset(&end, SIGTERM);
  ::sigaddset(&end, SIGINT);
  ::sigprocmask(SIG_BLOCK, &end, nullptr);
  std::array<pollfd, 2> sources{pollfd{STDIN_FILENO, POLLIN, 0},
                                pollfd{::signalfd(-1, &end, SFD_CLOEXEC), POLLIN, 0}};
  for (;;) {
    if (::poll(sources.data(), sources.size(), -1) < 0) continue;
    if (sources[1].revents != 0) return 0;
    std::array<char, 256> ignored;
    if (sources[0].revents != 0 && ::read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) {
      return 0;
    }
  }
}

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

int main(int argc, char** argv) {
  try {
    filch::test::raise_descriptor_limit();
    const filch::test::latency_server server(hosts_of(argc, argv));
    std::printf("%u\n", static_cast<unsigned>(server.port()));
    std::fflush(stdout);
    return wait_for_the_end();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "latency_server: %s\n", error.what());
    return 1;
  }
}
