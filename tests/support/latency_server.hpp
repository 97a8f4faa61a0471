#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace filch::test {

/// What a latency server has seen so far.
struct server_stats {
  /// Requests whose client closed the connection before it had the whole answer.
  std::size_t aborted = 0;
  /// Requests whose connection the server itself ended, as their path said.
  std::size_t dropped = 0;
  /// Connections open now, counted from their first request.
  std::size_t open = 0;
  /// The most connections that were open at once.
  std::size_t peak = 0;
  /// Requests received.
  std::size_t requests = 0;
  /// Answers handed to the kernel in full.
  std::size_t served = 0;
};

/// An HTTP/1.1 server inside this process whose paths say how it shall misbehave. Listens on
/// 127.0.0.1, and on as many addresses after it as it is told, at a port of its own; good for
/// thousands of connections at once.
///
/// | path                     | answer                                                     |
/// |--------------------------|------------------------------------------------------------|
/// | /delay/MS[/BYTES]        | 200 after MS, with BYTES (64) of body                       |
/// | /number/MS/N             | 200 after MS, with the number N as the body                 |
/// | /status/CODE/MS          | that status after MS                                        |
/// | /fail                    | none: the connection is closed                              |
/// | /reset/MS                | none: the connection is reset after MS                      |
/// | /hang                    | none, ever                                                  |
/// | /drip/MS/BYTES           | 200 at once, BYTES of body spread evenly over MS, chunked   |
/// | /redirect/N/MS           | N redirects, then /delay/MS                                 |
/// | /redirect-to?url=URL     | a redirect to any URL                                       |
/// | /gzip/BYTES              | BYTES zeros, compressed about 1000 to 1                     |
/// | /headers                 | the request's headers, one a line                           |
/// | /stats                   | server_stats as JSON                                        |
///
/// A request whose target is an absolute URL is answered by its path, as a proxy would. Answers,
/// but those of /drip, say in X-Sent-At when they left: nanoseconds of std::chrono::steady_clock,
/// which all processes of a machine share.
/// Threads: one of its own, which blocks all signals; every member may be called from any thread.
class latency_server {
 public:
  /// Starts serving on 127.0.0.1 to 127.0.0.`hosts`, of which there are at least 1 and at most 254.
  /// Throws: std::runtime_error if the system has no port or thread to give.
  explicit latency_server(unsigned hosts = 1);
  /// Closes every connection and joins the thread.
  ~latency_server();
  latency_server(const latency_server&) = delete;
  latency_server& operator=(const latency_server&) = delete;

  std::uint16_t port() const noexcept;
  /// "http://127.0.0.1:PORT" and `path`, which starts with a slash.
  std::string url(std::string_view path) const;

  server_stats stats() const;

  /// Waits until `done` holds for the stats; false if it does not within `timeout`.
  bool wait_until(const std::function<bool(const server_stats&)>& done,
                  std::chrono::milliseconds timeout) const;
  /// Waits until clients have given up on `n` requests.
  bool wait_for_aborted(std::size_t n, std::chrono::milliseconds timeout) const;
  /// Waits until `n` requests have arrived.
  bool wait_for_requests(std::size_t n, std::chrono::milliseconds timeout) const;

 private:
  class loop;
  std::unique_ptr<loop> loop_;
};

/// Raises this process's soft limit of open descriptors to its hard limit, and returns it.
std::size_t raise_descriptor_limit();

}  // namespace filch::test
