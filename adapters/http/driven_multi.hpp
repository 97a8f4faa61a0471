#pragma once

#include <curl/curl.h>

#include <chrono>
#include <filch/http.hpp>
#include <optional>

#include "ready_sockets.hpp"

namespace filch {
inline namespace v0 {
namespace http::detail {

/// A multi handle and the sockets it wants to hear of.
class driven_multi {
 public:
  /// Throws: `request_failed` without descriptors; `bad_alloc`.
  driven_multi();
  ~driven_multi();
  driven_multi(const driven_multi&) = delete;
  driven_multi& operator=(const driven_multi&) = delete;

  CURLM* get() const noexcept { return multi_; }
  /// Sleeps until something happens, at most `limit`, and lets libcurl do what can be done then.
  CURLMcode drive(std::chrono::milliseconds limit) noexcept;
  /// Ends the sleep, or the next one. Threads: any.
  void wake() noexcept { sockets_.wake(); }

 private:
  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* own) noexcept;
  static int on_timer(CURLM* multi, long in_ms, void* self) noexcept;
  std::chrono::milliseconds until_due(std::chrono::milliseconds limit) const noexcept;

  ready_sockets sockets_;
  CURLM* multi_ = nullptr;
  std::optional<std::chrono::steady_clock::time_point> due_;
};

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
