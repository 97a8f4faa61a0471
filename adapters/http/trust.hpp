#pragma once

namespace filch {
inline namespace v0 {
namespace http::detail {

/// True if the system keeps its trusted certificates also in a folder with an index by name
/// (`c_rehash`), out of which OpenSSL reads just the one it needs.
///
/// libcurl 7.88 would read the whole file of them for every connection if it is told of both:
/// 40 to 60 ms, during which no other transfer moves and no stop arrives.
bool system_folder_is_indexed();

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
