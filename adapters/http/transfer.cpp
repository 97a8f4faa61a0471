#include "transfer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "trust.hpp"
#include "url_text.hpp"

namespace filch {
inline namespace v0 {
namespace http::detail {

namespace {

constexpr std::size_t most_header_bytes = std::size_t{256} << 10;

/// libcurl's time-outs are ints inside; `for_ever` is what an option takes for "none".
long to_curl(std::chrono::milliseconds timeout, long for_ever) {
  return timeout.count() >= INT_MAX ? for_ever : static_cast<long>(timeout.count());
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// A line break in a header would let its author write headers of their own.
bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

const char* advice(failure code) {
  switch (code) {
    case failure::connect:
      return "check the host, the port, that something listens there, and `ulimit -n` here";
    case failure::reset:
      return "the server or something on the way hung up; trying again may help";
    case failure::resolve:
      return "check the spelling of the host and the name servers";
    case failure::tls:
      return "install ca-certificates, or trust a private authority by get_options.ca_file; "
             "verification cannot be turned off";
    case failure::too_many_redirects:
      return "ask the last address directly, or raise get_options.max_redirects";
    case failure::unsupported_scheme:
      return "only http:// and https:// are followed";
    case failure::bad_answer:
      return "check that the port speaks HTTP";
    default:
      return "see libcurl's error codes";
  }
}

}  // namespace

transfer::transfer(const std::string& url, const get_options& options)
    : url_(url), max_body_(options.max_body), easy_(curl_easy_init()) {
  if (!easy_) throw std::bad_alloc();
  set_target(options);
  set_limits(options);
  set_headers(options);
  set_callbacks();
}

template <class Value>
void transfer::set(CURLoption option, Value value) {
  // In parentheses: the function, not the macro that checks types where the option is a constant.
  const CURLcode result = (curl_easy_setopt)(easy(), option, value);
  if (result == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (result != CURLE_OK) {
    const char* name = curl_easy_option_by_id(option)->name;
    throw request_failed(failure::other, presentable(url_),
                         std::string("filch::http: this libcurl refuses the option ") + name +
                             ": " + curl_easy_strerror(result) + "; filch needs libcurl 7.87");
  }
}

void transfer::set_target(const get_options& options) {
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, static_cast<long>(std::min<unsigned>(options.max_redirects, INT_MAX)));
  set(CURLOPT_UNRESTRICTED_AUTH, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_CAPATH, nullptr);
  } else if (system_folder_is_indexed()) {
    set(CURLOPT_CAINFO, nullptr);
  }
  // Both are given, if empty: libcurl would ask the environment otherwise.
  set(CURLOPT_PROXY, options.proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void transfer::set_limits(const get_options& options) {
  set(CURLOPT_TIMEOUT_MS, to_curl(options.timeout, 0L));
  set(CURLOPT_CONNECTTIMEOUT_MS, to_curl(options.connect_timeout, INT_MAX));
  // Signals are no way to end a lookup where there are threads; leaving its thread behind is.
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
}

void transfer::set_headers(const get_options& options) {
  set(CURLOPT_USERAGENT, "filch");
  set(CURLOPT_ACCEPT_ENCODING, options.accept_encoding.c_str());
  for (const auto& [name, value] : options.headers) {
    if (name.empty() || name.find(':') != std::string::npos || !is_one_line(name) ||
        !is_one_line(value)) {
      throw request_failed(failure::bad_header, presentable(url_),
                           "filch::http: a header for " + presentable(url_) +
                               " has no name, a colon in it, or a line break; give get_options."
                               "headers one {name, value} for each line");
    }
    // libcurl takes "Name:" as "leave this header out", and "Name;" as an empty one.
    std::string line = name;
    line.append(value.empty() ? ";" : ": ").append(value);
    curl_slist* list = curl_slist_append(header_lines_.get(), line.c_str());
    if (!list) throw std::bad_alloc();
    // The head stays what it was, once there is one.
    if (!header_lines_) header_lines_.reset(list);
  }
  set(CURLOPT_HTTPHEADER, header_lines_.get());
}

void transfer::set_callbacks() {
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_OPENSOCKETFUNCTION, &transfer::on_open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_ERRORBUFFER, words_.data());
  set(CURLOPT_HEADERFUNCTION, &transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
}

// libcurl does not tell that there was no descriptor to connect with.
curl_socket_t transfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) noexcept {
  const int made = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (made >= 0) return made;
  if (errno == EMFILE || errno == ENFILE) static_cast<transfer*>(self)->no_descriptor_ = errno;
  return CURL_SOCKET_BAD;
}

std::size_t transfer::on_header(char* data, std::size_t size, std::size_t n, void* self) noexcept {
  auto& here = *static_cast<transfer*>(self);
  const std::size_t bytes = size * n;
  here.header_bytes_ += bytes;
  if (here.header_bytes_ > most_header_bytes) {
    here.headers_too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  try {
    here.take_header_line(std::string_view(data, bytes));
    return bytes;
  } catch (...) {
    here.exception_ = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

void transfer::take_header_line(std::string_view line) {
  auto& headers = response_.headers;
  if (line.starts_with("HTTP/")) {
    // A redirect's own headers, or those of a 100, give way to what follows.
    headers.clear();
  } else if ((line.starts_with(' ') || line.starts_with('\t')) && !headers.empty()) {
    headers.back().second.append(" ").append(trimmed(line));
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
}

// libcurl's own limit, MAXFILESIZE, sees neither bodies without a length nor what compression
// unfolds to. So the bytes are counted here, where they have been decoded.
std::size_t transfer::on_body(char* data, std::size_t size, std::size_t n, void* self) noexcept {
  auto& here = *static_cast<transfer*>(self);
  const std::size_t bytes = size * n;
  std::string& body = here.response_.body;
  if (bytes > here.max_body_ - body.size()) {
    here.body_too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  try {
    body.append(data, bytes);
    return bytes;
  } catch (...) {
    here.exception_ = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

void transfer::end(CURLcode result) noexcept {
  result_ = result;
  hand_back();
}

void transfer::end_cancelled() noexcept {
  cancelled_ = true;
  hand_back();
}

response transfer::take_response() {
  if (cancelled_) {
    throw cancelled("filch::http: asking " + presentable(url_) + " was stopped");
  }
  if (exception_) std::rethrow_exception(exception_);
  if (result_ != CURLE_OK) raise_failure();
  long status = 0;
  curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  response_.url = without_userinfo(effective_url());
  return std::move(response_);
}

std::string transfer::effective_url() const {
  const char* url = nullptr;
  curl_easy_getinfo(easy(), CURLINFO_EFFECTIVE_URL, &url);
  return url ? url : url_;
}

/// What libcurl says of the failure, without the parts of a URL it may have taken for a host.
std::string transfer::libcurls_words() const {
  std::string words(words_.data());
  if (words.empty() || words.find('@') != std::string::npos) words = curl_easy_strerror(result_);
  long number = 0;
  curl_easy_getinfo(easy(), CURLINFO_OS_ERRNO, &number);
  if (number != 0) {
    words.append(" (")
        .append(std::generic_category().message(static_cast<int>(number)))
        .append(")");
  }
  return words;
}

failure transfer::classify() const {
  switch (result_) {
    case CURLE_URL_MALFORMAT:
      return failure::bad_url;
    case CURLE_UNSUPPORTED_PROTOCOL:
      // Also said of an answer that is older than HTTP/1.0.
      return is_web_url(effective_url()) ? failure::bad_answer : failure::unsupported_scheme;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return failure::resolve;
    case CURLE_COULDNT_CONNECT:
      return failure::connect;
    case CURLE_TOO_MANY_REDIRECTS:
      return failure::too_many_redirects;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2_STREAM:
      return failure::reset;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return failure::tls;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
      return failure::bad_answer;
    default:
      return failure::other;
  }
}

void transfer::raise_failure() const {
  const std::string shown = presentable(url_);
  if (result_ == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (headers_too_large_) {
    throw request_failed(failure::headers_too_large, shown,
                         "filch::http: " + shown + " sends more than " +
                             std::to_string(most_header_bytes) +
                             " bytes of headers; no well-meant server does");
  }
  if (body_too_large_) {
    throw request_failed(failure::body_too_large, shown,
                         "filch::http: the body of " + shown + " is larger than " +
                             std::to_string(max_body_) +
                             " bytes; raise get_options.max_body if it may be");
  }
  if (result_ == CURLE_OPERATION_TIMEDOUT) {
    throw timed_out("filch::http: no answer from " + shown + " in time: " + libcurls_words() +
                    "; raise get_options.timeout or connect_timeout if it may take longer");
  }
  const failure code = classify();
  if (code == failure::connect && no_descriptor_ != 0) raise_no_descriptor();
  throw request_failed(
      code, shown,
      "filch::http: no answer from " + shown + ": " + libcurls_words() + "; " + advice(code));
}

/// The cause is nested, so that whoever limits requests by what the system has can see it.
void transfer::raise_no_descriptor() const {
  try {
    throw std::system_error(no_descriptor_, std::generic_category());
  } catch (const std::system_error& cause) {
    const std::string shown = presentable(url_);
    std::throw_with_nested(
        request_failed(failure::connect, shown,
                       "filch::http: no connection to " + shown + ": " + cause.what() +
                           "; ask for less at once, close some descriptors, or raise `ulimit -n`"));
  }
}

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
