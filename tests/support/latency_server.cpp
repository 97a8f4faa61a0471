#include "latency_server.hpp"

#include <sys/resource.h>

#include "http_loop.hpp"
#include "latency_server_peer.hpp"

namespace filch::test {

/// The loop, whose requests are answered by their paths.
class latency_server::loop : public http_loop {
 public:
  explicit loop(unsigned hosts)
      : http_loop([](peer& client, const server_counters& seen) { answer(client, seen.read()); },
                  hosts) {}
};

latency_server::latency_server(unsigned hosts) : loop_(std::make_unique<loop>(hosts)) {}
latency_server::~latency_server() = default;

std::uint16_t latency_server::port() const noexcept { return loop_->port(); }

std::string latency_server::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
}

server_stats latency_server::stats() const { return loop_->counters().read(); }

bool latency_server::wait_until(const std::function<bool(const server_stats&)>& done,
                                std::chrono::milliseconds timeout) const {
  return loop_->counters().wait_until(done, timeout);
}

bool latency_server::wait_for_aborted(std::size_t n, std::chrono::milliseconds timeout) const {
  return wait_until([n](const server_stats& s) { return s.aborted >= n; }, timeout);
}

bool latency_server::wait_for_requests(std::size_t n, std::chrono::milliseconds timeout) const {
  return wait_until([n](const server_stats& s) { return s.requests >= n; }, timeout);
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace filch::test
