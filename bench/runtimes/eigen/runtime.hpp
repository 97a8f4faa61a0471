#pragma once

#include <unsupported/Eigen/CXX11/ThreadPool>

#include <algorithm>
#include <cstddef>
#include <string>

/// \file
/// Eigen's thread pool. Its wait does not run other jobs, so a fork inside a job would stop the
/// pool: it has none here. In loops the caller is one of the threads.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "Eigen";
  static const char* version() {
    static const auto text = std::to_string(EIGEN_WORLD_VERSION) + "." +
                             std::to_string(EIGEN_MAJOR_VERSION) + "." +
                             std::to_string(EIGEN_MINOR_VERSION);
    return text.c_str();
  }
  explicit runtime(unsigned threads) : threads_(threads), pool_(static_cast<int>(threads)) {}

  template <class F>
  auto run(F&& f) {
    return f();
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    const auto parts = std::min<std::size_t>(threads_, n);
    if (parts == 0) return;
    const auto part = [n, parts, &body](std::size_t k) {
      for (std::size_t i = n * k / parts; i < n * (k + 1) / parts; ++i) body(i);
    };
    Eigen::Barrier others(static_cast<unsigned>(parts - 1));
    for (std::size_t k = 1; k < parts; ++k) {
      pool_.Schedule([&others, &part, k] {
        part(k);
        others.Notify();
      });
    }
    part(0);
    others.Wait();
  }
  template <class F>
  int submit_and_get(F&& f) {
    int result = 0;
    Eigen::Notification done;
    pool_.Schedule([&] {
      result = f();
      done.Notify();
    });
    done.Wait();
    return result;
  }
  template <class F>
  void post(F&& f) {
    pool_.Schedule(f);
  }

 private:
  std::size_t threads_;
  Eigen::ThreadPool pool_;
};

}  // namespace filch::bench
