#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <filch/detail/export.hpp>
#include <filch/error.hpp>
#include <filch/future.hpp>

/// \file
/// Asking a web server, stoppable in every phase. Every request of the process runs on one
/// libcurl multi handle, driven by one thread, so a thousand waiting calls cost no thread more
/// and share connections; the callers sleep.

namespace filch {
inline namespace v0 {
namespace http {

/// Header lines in the order sent or received: name, value.
using header_list = std::vector<std::pair<std::string, std::string>>;

/// How to ask; every field has a default. Durations that are zero or negative have run out
/// already; `milliseconds::max()` waits for ever.
struct get_options {
  /// The compressions offered to the server, as in the header Accept-Encoding; empty offers all
  /// that libcurl can undo. "identity" asks for none.
  std::string accept_encoding{};
  /// A file of certificates (PEM) to trust instead of the system's. Verification is always on.
  std::string ca_file{};
  /// For looking up the name, connecting and the TLS handshake together.
  std::chrono::milliseconds connect_timeout{std::chrono::seconds(10)};
  /// Sent with the request, and to every host it is redirected to, except `Authorization` and
  /// `Cookie`, which only the first host gets.
  header_list headers{};
  /// The largest body accepted, in bytes after decompression.
  std::size_t max_body = std::size_t{64} << 20;
  /// Redirects followed, http and https only.
  unsigned max_redirects = 3;
  /// Reached through this proxy, such as "http://proxy:3128"; empty goes straight to the server.
  /// The environment's `http_proxy` and its kin are not looked at.
  std::string proxy{};
  /// Ends the request with `filch::cancelled`. Without one, the running job's token does.
  std::stop_token stop{};
  /// For everything, from the call to the last byte.
  std::chrono::milliseconds timeout{std::chrono::seconds(60)};
};

/// What a server answered.
struct response {
  /// The status code, such as 200 or 404.
  int status = 0;
  /// The last answer's header lines, as received.
  header_list headers{};
  /// The body, decompressed.
  std::string body{};
  /// Where the answer came from, after redirects; user name and password are taken out.
  std::string url{};

  /// The value of the first header called `name`, in any case of letters; empty if there is none.
  /// Lifetime: as long as `headers` is not changed.
  FILCH_API std::string_view header(std::string_view name) const noexcept;
  /// Does nothing for a status below 400. Throws: `bad_status` for any other.
  FILCH_API void raise_for_status() const;
};

/// Why there was no answer.
enum class failure {
  bad_answer,          ///< what came is not HTTP, or its compression is broken
  bad_header,          ///< a header of the request has a line break or no name
  bad_url,             ///< the URL cannot be understood
  body_too_large,      ///< `max_body` was reached
  connect,             ///< no connection could be made; for want of descriptors, with a nested
                       ///< std::system_error that says so
  headers_too_large,   ///< more than 256 KiB of header lines
  other,               ///< anything else; the message has libcurl's words
  reset,               ///< the server ended the connection before its answer did
  resolve,             ///< the host name is unknown
  tls,                 ///< the handshake failed or the certificate is not trusted
  too_many_redirects,  ///< `max_redirects` was reached
  unsupported_scheme,  ///< neither http nor https, at first or by a redirect
};

/// There is no answer; `code()` says why. Running out of time is `filch::timed_out` instead.
class FILCH_API request_failed : public error {
 public:
  /// `what` says what to do about it.
  request_failed(failure code, std::string url, const std::string& what);
  ~request_failed() override;
  /// Which kind of failure it is.
  failure code() const noexcept { return code_; }
  /// The URL asked for, without user name and password.
  const std::string& url() const noexcept { return url_; }

 private:
  failure code_;
  std::string url_;
};

/// The server answered, with a status of 400 or above; thrown by `raise_for_status` and `get_ok`.
class FILCH_API bad_status : public error {
 public:
  /// For a status of 400 or above.
  bad_status(int status, std::string url);
  ~bad_status() override;
  /// The status code, such as 404.
  int status() const noexcept { return status_; }
  /// Where the answer came from, without user name and password.
  const std::string& url() const noexcept { return url_; }

 private:
  int status_;
  std::string url_;
};

namespace detail {
// Function objects, so that they can be handed to verbs with their second argument left out.
struct get_fn {
  FILCH_API response operator()(const std::string& url, const get_options& options = {}) const;
};
struct get_ok_fn {
  FILCH_API response operator()(const std::string& url, const get_options& options = {}) const;
};
struct get_async_fn {
  FILCH_API future<response> operator()(const std::string& url,
                                        const get_options& options = {}) const;
};
struct get_ok_async_fn {
  FILCH_API future<response> operator()(const std::string& url,
                                        const get_options& options = {}) const;
};
}  // namespace detail

/// `get(url[, options])`: what the server at `url` answers to GET, whatever its status.
///
/// Cost: no thread per call; the transfers of a process share one, which is started by the first
/// call and ends after five idle seconds. TLS handshakes are computed on it, one after another.
/// Threads: may be called from any. Blocks: until the answer is whole.
/// Throws: `request_failed`; `timed_out`; `cancelled` within about a millisecond of the stop, and
/// when the process exits; `no_thread` if the transfer thread cannot be started; `forked_pool` in
/// a child made by `fork` from a process that had used this; `std::bad_alloc`.
/// Whatever was thrown, the connection of an unfinished transfer is closed.
inline constexpr detail::get_fn get{};

/// As `get`, but a status of 400 or above is an error, so that a race goes on without it.
/// Throws: also `bad_status`.
inline constexpr detail::get_ok_fn get_ok{};

/// As `get`, without waiting: the future has the answer, or what `get` would throw. Nobody holds a
/// thread for it, so ten thousand may be under way:
///
///     auto first = pool.race(filch::http::get_ok_async, mirrors).value;
///     for (auto&& page : pool.imap_unordered(filch::http::get_async, urls, {.in_flight = 256}))
///     ...
///
/// The future's `cancel`, a stop of the running job, and `options.stop` reach the transfer within
/// about a millisecond, and end it with `filch::cancelled`. Callbacks on the future run on the
/// transfer thread and must be short: to wait there for a result, or to `get` more, throws
/// `would_deadlock`. What `then` is given runs as a job.
/// Cost: as `get`. The system gives so many descriptors: see `ulimit -n`.
/// Throws: `std::bad_alloc`; all else is in the future.
inline constexpr detail::get_async_fn get_async{};

/// As `get_async`, but a status of 400 or above is an error, as in `get_ok`.
inline constexpr detail::get_ok_async_fn get_ok_async{};

}  // namespace http
}  // namespace v0
}  // namespace filch
