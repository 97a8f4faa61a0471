#include "url_text.hpp"

#include <curl/curl.h>

#include <filch/http.hpp>
#include <memory>
#include <new>
#include <string_view>

namespace filch {
inline namespace v0 {
namespace http::detail {

namespace {

struct url_deleter {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
struct text_deleter {
  void operator()(char* text) const noexcept { curl_free(text); }
};
using url_ptr = std::unique_ptr<CURLU, url_deleter>;

/// Null if libcurl cannot make sense of it. A zero byte would end it early for libcurl only.
url_ptr parsed(const std::string& text) {
  url_ptr url(curl_url());
  if (!url) throw std::bad_alloc();
  if (text.find('\0') != std::string::npos) return nullptr;
  const CURLUcode result = curl_url_set(url.get(), CURLUPART_URL, text.c_str(),
                                        CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
  if (result == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
  return result == CURLUE_OK ? std::move(url) : nullptr;
}

std::string part(const url_ptr& url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) return {};
  const std::unique_ptr<char, text_deleter> owner(text);
  return text;
}

bool is_web(const url_ptr& url) {
  const std::string scheme = part(url, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

}  // namespace

std::string without_userinfo(const std::string& text) {
  if (const url_ptr url = parsed(text)) {
    curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
    curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
    curl_url_set(url.get(), CURLUPART_OPTIONS, nullptr, 0);
    if (std::string clean = part(url, CURLUPART_URL); !clean.empty()) return clean;
  }
  const auto at = text.rfind('@');
  return at == std::string::npos ? text : "..." + text.substr(at + 1);
}

std::string presentable(const std::string& url) {
  constexpr std::size_t longest = 300;
  std::string text = without_userinfo(url);
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  for (char& c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) c = '?';
  }
  return text;
}

void require_web_url(const std::string& url) {
  const url_ptr parts = parsed(url);
  if (!parts) {
    const std::string shown = presentable(url);
    throw request_failed(failure::bad_url, shown,
                         "filch::http: \"" + shown +
                             "\" is not a URL; write it whole and percent-encoded, as in "
                             "https://example.org/a%20b");
  }
  if (!is_web(parts)) {
    const std::string shown = presentable(url);
    throw request_failed(failure::unsupported_scheme, shown,
                         "filch::http: cannot ask " + shown + "; only http:// and https:// are");
  }
}

bool is_web_url(const std::string& url) {
  const url_ptr parts = parsed(url);
  return parts && is_web(parts);
}

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
