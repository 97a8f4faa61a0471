#pragma once

#include <cstddef>
#include <deque>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "fetch_urls/contender.hpp"

/// \file
/// What a loop written by hand asks next, with no host asked more often at once than it may be.

namespace filch::bench::fetch {

/// The lines of the file in order, read as they are needed. With a limit for each host all are read
/// at once and sorted by host, so that no host's URLs wait behind another's.
class url_list {
 public:
  url_list(const std::string& file, unsigned per_host) : lines_(file), per_host_(per_host) {
    if (per_host_ == 0) return;
    for (std::string line; std::getline(lines_, line);) {
      hosts_[host_of(line)].waiting.push_back(std::move(line));
    }
    for (auto& [name, host] : hosts_) ready_.push_back(&host);
  }

  /// Nothing if none is left, or none whose host may be asked now.
  std::optional<std::string> next() {
    std::string url;
    if (per_host_ == 0) {
      if (!std::getline(lines_, url)) return {};
      return url;
    }
    if (ready_.empty()) return {};
    auto& host = *ready_.front();
    ready_.pop_front();
    url = std::move(host.waiting.front());
    host.waiting.pop_front();
    ++host.asked;
    if (is_ready(host)) ready_.push_back(&host);
    return url;
  }

  /// `url` was answered.
  void done(const std::string& url) {
    if (per_host_ == 0) return;
    auto& host = hosts_.at(host_of(url));
    const bool was_ready = is_ready(host);
    --host.asked;
    if (!was_ready && is_ready(host)) ready_.push_back(&host);
  }

 private:
  struct host_state {
    std::deque<std::string> waiting{};
    unsigned asked = 0;
  };

  bool is_ready(const host_state& host) const {
    return !host.waiting.empty() && host.asked < per_host_;
  }

  std::ifstream lines_;
  unsigned per_host_;
  std::map<std::string, host_state> hosts_{};
  std::deque<host_state*> ready_{};
};

}  // namespace filch::bench::fetch
