#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "latency_server_counters.hpp"

namespace filch::test {

class peer;

/// An HTTP server on a free port of 127.0.0.1 with an event loop and a thread of its own, which
/// blocks all signals. Good for thousands of connections at once.
class http_loop {
 public:
  using route = std::function<void(peer&, const server_counters&)>;

  /// `how` is called on the thread for each request, before this returns maybe; see peer. `hosts`:
  /// how many addresses it listens on, from 127.0.0.1 on, all at the same port.
  /// Throws: std::runtime_error if the system has no port or thread to give.
  explicit http_loop(route how, unsigned hosts = 1);
  /// Closes every connection and joins the thread.
  ~http_loop();
  http_loop(const http_loop&) = delete;
  http_loop& operator=(const http_loop&) = delete;

  std::uint16_t port() const noexcept;
  const server_counters& counters() const noexcept;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace filch::test
