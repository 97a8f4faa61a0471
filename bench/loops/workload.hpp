#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// What a loop of almost nothing costs on a warm pool, called from outside of it.

namespace filch::bench::loops {

inline constexpr std::size_t short_bodies = 1000;

/// Two bodies of which neither ends before the other has begun: two threads must run them.
class meeting {
 public:
  void operator()(std::size_t) noexcept {
    const auto mine = arrived_.fetch_add(1, std::memory_order_acq_rel);
    const auto both = (mine | 1) + 1;
    while (arrived_.load(std::memory_order_acquire) < both) {
    }
  }
  std::uint64_t arrived() const noexcept { return arrived_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::uint64_t> arrived_{0};
};

/// How often each index was visited; every body has its own cell.
class visits {
 public:
  explicit visits(std::size_t n) : cells_(n) {}
  void operator()(std::size_t i) noexcept { ++cells_[i]; }
  void check(std::uint64_t loops, const std::string& what) const {
    for (const auto n : cells_) {
      if (n != loops)
        wrong(what + ": an index was visited " + std::to_string(n) + " times in " +
              std::to_string(loops) + " loops");
    }
  }

 private:
  std::vector<std::uint64_t> cells_;
};

}  // namespace filch::bench::loops
