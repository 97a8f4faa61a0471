#pragma once

#include <string>

namespace filch {
inline namespace v0 {
namespace http::detail {

/// `url` without user name and password. Where the text is not a URL, whatever might be one goes.
std::string without_userinfo(const std::string& url);

/// As `without_userinfo`, and fit for a message: printable and not endless.
std::string presentable(const std::string& url);

/// Throws `request_failed` unless `url` is a whole URL, its scheme http or https.
void require_web_url(const std::string& url);

/// True if the scheme of `url` is http or https.
bool is_web_url(const std::string& url);

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
