#pragma once

#include <algorithm>
#include <cstddef>
#include <future>
#include <vector>

/// \file
/// The standard library: a thread for each call. It has no fork here: the trees of this house would
/// need hundreds of thousands of threads at once.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "std::async";
  static const char* version() { return "libstdc++"; }
  explicit runtime(unsigned threads) : threads_(threads) {}

  template <class F>
  auto run(F&& f) {
    return f();
  }
  /// A part of the range for each thread, the caller's among them.
  template <class F>
  void loop(std::size_t n, F&& body) {
    const auto parts = std::min<std::size_t>(threads_, n);
    const auto part = [n, parts, &body](std::size_t k) {
      for (std::size_t i = n * k / parts; i < n * (k + 1) / parts; ++i) body(i);
    };
    std::vector<std::future<void>> others;
    for (std::size_t k = 1; k < parts; ++k) {
      others.push_back(std::async(std::launch::async, part, k));
    }
    if (parts > 0) part(0);
    for (auto& other : others) other.get();
  }
  template <class F>
  int submit_and_get(F&& f) {
    return std::async(std::launch::async, f).get();
  }

 private:
  std::size_t threads_;
};

}  // namespace filch::bench
