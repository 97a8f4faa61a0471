#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "latency_server.hpp"

namespace filch::test {

/// The stats of a server: written by its thread, read and waited for by any other.
class server_counters {
 public:
  void connection_opened() {
    change([](server_stats& s) { s.peak = std::max(s.peak, ++s.open); });
  }
  /// `aborted`: the client left while a request of its was unanswered.
  void connection_closed(bool aborted) {
    change([aborted](server_stats& s) {
      --s.open;
      if (aborted) ++s.aborted;
    });
  }
  void request_arrived() {
    change([](server_stats& s) { ++s.requests; });
  }
  void request_dropped() {
    change([](server_stats& s) { ++s.dropped; });
  }
  void answer_sent() {
    change([](server_stats& s) { ++s.served; });
  }

  server_stats read() const {
    std::lock_guard lock(mutex_);
    return stats_;
  }

  bool wait_until(const std::function<bool(const server_stats&)>& done,
                  std::chrono::milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return done(stats_); });
  }

 private:
  template <class Change>
  void change(Change apply) {
    {
      std::lock_guard lock(mutex_);
      apply(stats_);
    }
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  server_stats stats_;
};

}  // namespace filch::test
