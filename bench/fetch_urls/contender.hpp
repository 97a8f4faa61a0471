#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <istream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// \file
/// The frame of a program that fetches URLs: reads its orders, checks each answer, and tells what
/// it took. It uses nothing but the standard library: what it needs is in each peak of memory.

namespace filch::bench::fetch {

/// What all contenders are told. How they share the work out is theirs.
struct orders {
  /// A file of URLs, one a line. The last word of the i-th is i, and the server's answer to it.
  std::string file;
  std::size_t urls = 0;
  /// The most requests open at once. For a pool that holds a thread for each: its threads.
  unsigned width = 256;
  /// The most of them at one host; 0: no limit.
  unsigned per_host = 0;
};

/// The number that the answer to `url` is, which must be its own.
/// Throws: std::runtime_error for a status other than 200 or another URL's number.
std::size_t checked(std::string_view url, long status, std::string_view body);

/// The part of `url` that names its host: up to the path.
std::string host_of(const std::string& url);

/// Counts answers, and looks now and then what the process uses by then. Threads: any.
class tally {
 public:
  explicit tally(std::size_t expected) : expected_(expected) {}
  /// Takes the number that `checked` has returned.
  void take(std::size_t number);
  /// Throws: std::runtime_error unless each of the URLs was answered once.
  void check() const;

  std::size_t answers() const noexcept { return answers_.load(std::memory_order_relaxed); }
  unsigned most_threads() const;
  /// Memory in use, in KiB, after each quarter of the answers.
  std::vector<std::size_t> resident() const;

 private:
  void look();

  std::size_t expected_;
  std::atomic<std::size_t> answers_{0};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> squares_{0};
  mutable std::mutex mutex_;
  unsigned most_threads_ = 0;
  std::vector<std::size_t> resident_;
};

/// The URLs for several threads that each take the next.
class shared_urls {
 public:
  explicit shared_urls(const std::string& file) : lines_(file) {}
  std::optional<std::string> next();

 private:
  std::mutex mutex_;
  std::ifstream lines_;
};

/// Runs the program: one line of JSON on stdout, 0 from main; or what went wrong on stderr, and 1.
int compete(int argc, char** argv, const std::function<void(const orders&, tally&)>& fetch_all);

}  // namespace filch::bench::fetch
