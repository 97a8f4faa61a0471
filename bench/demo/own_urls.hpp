#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace demo {

/// Fetches the user's own URLs with each engine, tells of every one its status, size and time or
/// its error, and races them where there are several.
class own_urls {
 public:
  own_urls(std::vector<std::string> engines, std::vector<std::string> urls,
           std::chrono::milliseconds timeout, std::ostream& out);
  ~own_urls();
  own_urls(const own_urls&) = delete;
  own_urls& operator=(const own_urls&) = delete;

  /// True if every URL gave an answer.
  bool run();
  nlohmann::json to_json() const;

 private:
  struct found;
  struct page;

  bool map_them(const std::string& engine);
  void race_them(const std::string& engine);
  page fetch(const std::string& url) const;

  std::vector<std::string> engines_;
  std::vector<std::string> urls_;
  std::chrono::milliseconds timeout_;
  std::ostream& out_;
  std::vector<found> found_;
};

}  // namespace demo
