#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "latency_server_counters.hpp"

namespace filch::test {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using event_ptr = std::unique_ptr<event, freed_by<event_free>>;
using buffer_ptr = std::unique_ptr<evbuffer, freed_by<evbuffer_free>>;

class peer_table;

/// One connection and the request that is being answered on it. Lives until evhttp closes the
/// connection; every call that may close it (`drop`, `reset`) may therefore destroy the peer.
/// Threads: the server's only.
class peer {
 public:
  peer(peer_table& table, event_base* base, evhttp_connection* connection);
  ~peer();
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  /// Takes up the connection's next request and starts to watch for the client's leaving.
  void begin(evhttp_request* request);
  evhttp_request* request() const noexcept { return request_; }

  /// Runs `step` in `delay`, unless the connection closes before.
  void after(std::chrono::milliseconds delay, std::function<void()> step);

  void set_header(const char* name, const std::string& value);
  void answer(int status, std::string_view body);
  /// 200 at once, then `bytes` of body evenly over `spread`.
  void drip(std::chrono::milliseconds spread, std::size_t bytes);
  /// Closes the connection without an answer.
  void drop();
  /// As `drop`, but with a TCP reset.
  void reset();

  /// Runs `step` if the client leaves before its request is answered.
  void if_gone(std::function<void()> step) { gone_ = std::move(step); }

  /// evhttp is closing the connection: gives back what the peer holds of it.
  /// True if a request was left unanswered.
  bool leave() noexcept;

 private:
  void watch();
  void on_readable();
  void expect_completion();
  void send_due_part();

  peer_table& table_;
  evhttp_connection* connection_;
  evhttp_request* request_ = nullptr;
  event_ptr timer_;
  event_ptr watch_;
  std::function<void()> step_;
  std::function<void()> gone_;

  struct dripping {
    std::chrono::steady_clock::time_point start;
    std::chrono::milliseconds spread;
    std::size_t bytes;
    std::size_t sent;
  } drip_{};
};

/// The connections that have sent a request, by their evhttp handle.
class peer_table {
 public:
  peer_table(event_base* base, server_counters& counters) : base_(base), counters_(counters) {}

  /// The peer behind a request that has just arrived.
  peer& of(evhttp_request* request);
  server_counters& counters() noexcept { return counters_; }
  /// From here on closing connections says nothing about clients.
  void shutting_down() noexcept { shutting_down_ = true; }

 private:
  static void closed(evhttp_connection* connection, void* table) noexcept;

  event_base* base_;
  server_counters& counters_;
  std::unordered_map<evhttp_connection*, std::unique_ptr<peer>> peers_;
  bool shutting_down_ = false;
};

/// Answers the peer's request as its path says.
void answer(peer& client, const server_stats& stats);

}  // namespace filch::test
