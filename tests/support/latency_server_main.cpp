#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>

#include "latency_server.hpp"

/// The latency server as a process of its own: prints its port on a line and serves until its
/// standard input ends or SIGTERM or SIGINT comes. For benchmarks, whose figures would otherwise
/// contain the server's work.
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

}  // namespace

int main() {
  try {
    filch::test::raise_descriptor_limit();
    const filch::test::latency_server server;
    std::printf("%u\n", static_cast<unsigned>(server.port()));
    std::fflush(stdout);
    return wait_for_the_end();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "latency_server: %s\n", error.what());
    return 1;
  }
}
