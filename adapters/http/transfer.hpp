#pragma once

#include <curl/curl.h>

#include <array>
#include <cstddef>
#include <exception>
#include <filch/http.hpp>
#include <memory>
#include <string>
#include <string_view>

namespace filch {
inline namespace v0 {
namespace http::detail {

class transfer;

/// Where a transfer stands with the transfer thread.
struct queue_links {
  // Guarded by the transfer thread's mutex.
  bool done = false;
  bool stop_wanted = false;
  transfer* next_start = nullptr;
  transfer* next_stop = nullptr;
  // The transfer thread's own.
  bool stopped_early = false;
  bool active = false;
  transfer* next_active = nullptr;
  transfer* previous_active = nullptr;
};

/// One GET from the call to its answer.
/// Threads: its owner's before it submits and once it was handed back; the transfer thread's
/// between.
class transfer {
 public:
  /// Prepares the request. Throws: `request_failed` for options that cannot be followed.
  transfer(const std::string& url, const get_options& options);
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  CURL* easy() const noexcept { return easy_.get(); }
  queue_links queue;

  /// Hands the transfer back to its owner, which may destroy it at once.
  void end(CURLcode result) noexcept;
  void end_cancelled() noexcept;

  /// The answer, or the exception that tells why there is none. Requires: handed back.
  response take_response();

 protected:
  virtual ~transfer() = default;

 private:
  struct easy_deleter {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
  };
  struct list_deleter {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
  };

  /// Tells the owner that it has the transfer again. On the transfer thread, which touches it no
  /// more after this.
  virtual void hand_back() noexcept = 0;
  template <class Value>
  void set(CURLoption option, Value value);
  void set_target(const get_options& options);
  void set_limits(const get_options& options);
  void set_headers(const get_options& options);
  void set_callbacks();
  static curl_socket_t on_open_socket(void* self, curlsocktype, curl_sockaddr* address) noexcept;
  static std::size_t on_header(char* data, std::size_t size, std::size_t n, void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t n, void* self) noexcept;
  void take_header_line(std::string_view line);
  [[noreturn]] void raise_failure() const;
  [[noreturn]] void raise_no_descriptor() const;
  failure classify() const;
  std::string effective_url() const;
  std::string libcurls_words() const;

  std::string url_;
  std::size_t max_body_;
  std::unique_ptr<curl_slist, list_deleter> header_lines_;
  std::array<char, CURL_ERROR_SIZE> words_{};

  response response_;
  std::size_t header_bytes_ = 0;
  bool body_too_large_ = false;
  bool headers_too_large_ = false;
  bool cancelled_ = false;
  int no_descriptor_ = 0;  // the error of a socket that could not be made
  CURLcode result_ = CURLE_OK;
  std::exception_ptr exception_;

  // Last, so that libcurl is done before what it points at goes.
  std::unique_ptr<CURL, easy_deleter> easy_;
};

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
