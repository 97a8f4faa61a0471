#pragma once

#include <omp.h>

#include <cstddef>

#include "runtimes/by_reference.hpp"

/// \file
/// OpenMP of the compiler: tasks inside one parallel region, loops as regions of their own.

namespace filch::bench {

class runtime {
 public:
  static constexpr const char* name = "OpenMP";
  static const char* version() {
#ifdef __clang__
    return "libomp";
#else
    return "libgomp";
#endif
  }
  explicit runtime(unsigned threads) : threads_(static_cast<int>(threads)) {
    omp_set_dynamic(0);
    omp_set_num_threads(threads_);
  }

  template <class F>
  auto run(F&& f) {
    if constexpr (std::is_void_v<decltype(f())>) {
#pragma omp parallel num_threads(threads_)
#pragma omp single
      f();
    } else {
      decltype(f()) result{};
#pragma omp parallel num_threads(threads_)
#pragma omp single
      result = f();
      return result;
    }
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    return forked_by_reference([](auto&& left, auto&& right) { both(left, right); }, f, g);
  }
  template <class F>
  static void fork_all(std::size_t n, F f) {
    for (std::size_t i = 1; i < n; ++i) {
#pragma omp task shared(f) firstprivate(i)
      f(i);
    }
    f(0);
#pragma omp taskwait
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::size_t i = 0; i < n; ++i) body(i);
  }

 private:
  template <class F, class G>
  static void both(F& left, G& right) {
#pragma omp task shared(left)
    left();
    right();
#pragma omp taskwait
  }

  int threads_;
};

}  // namespace filch::bench
