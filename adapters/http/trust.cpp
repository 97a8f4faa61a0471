#include "trust.hpp"

#include <curl/curl.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace filch {
inline namespace v0 {
namespace http::detail {

namespace {

/// As c_rehash names its links: the hash of a subject in eight hexadecimal digits, ".0".
bool is_index_entry(std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  return name.size() == 10 && name.ends_with(".0") && name.find_first_not_of(digits) == 8;
}

bool has_index(const char* folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), last; !error && entry != last;
       entry.increment(error)) {
    if (is_index_entry(entry->path().filename().native())) return true;
  }
  return false;
}

}  // namespace

bool system_folder_is_indexed() {
  static const bool indexed = [] {
    const curl_version_info_data* built = curl_version_info(CURLVERSION_NOW);
    return built->age >= CURLVERSION_SEVENTH && built->capath && has_index(built->capath);
  }();
  return indexed;
}

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
