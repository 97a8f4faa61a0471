#pragma once

#include <filch/filch.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <ranges>
#include <string>
#include <utility>

#include "runtimes/by_reference.hpp"

namespace filch::bench {

/// filch, whatever engine is under it, as a user calls it.
class filch_pool {
 public:
  static const char* version() { return "this commit"; }
  explicit filch_pool(std::unique_ptr<engine> engine) : pool_(std::move(engine)) {}

  /// The caller waits and one of the pool's workers begins: so the pool alone does the work, and
  /// "2 threads" are two.
  template <class F>
  auto run(F&& f) {
    auto result = pool_.submit([&f] { return f(); });
    result.wait_for(std::chrono::hours(1));
    return result.get();
  }
  /// The caller's own call of fork_join, which may have it take part.
  template <class F>
  auto enter(F&& f) {
    return std::get<0>(pool_.fork_join(f));
  }
  template <class F, class G>
  static auto fork(F&& f, G&& g) {
    if constexpr (gives_nothing<F, G>) {
      fork_join(f, g);
    } else {
      return fork_join(f, g);
    }
  }
  template <class F>
  void loop(std::size_t n, F&& body) {
    pool_.for_index(std::size_t{0}, n, body);
  }

  template <class F>
  int submit_and_get(F&& f) {
    return pool_.submit(f).get();
  }
  template <class F>
  void post(F&& f) {
    pool_.post(f);
  }
  template <class F, class Done>
  void bulk(std::size_t n, F&& f, Done&& all_submitted) {
    auto all = pool_.map_async([&f](std::size_t) { f(); }, std::views::iota(std::size_t{0}, n));
    all_submitted();
    all.get();
  }

 private:
  pool pool_;
};

}  // namespace filch::bench
