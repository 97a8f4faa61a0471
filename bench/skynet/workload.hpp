#pragma once

#include <cstdint>
#include <string>

#include "harness/contest.hpp"

/// \file
/// Skynet: a tree in which everyone has ten children, down to leaves that give their number; the
/// root gives the sum.

namespace filch::bench::skynet {

class problem {
 public:
  static constexpr const char* name = "skynet";
  static constexpr const char* unit = "leaf";
  explicit problem(std::int64_t size) : leaves_(power_of_ten(size == 0 ? 10'000'000 : size)) {}

  long leaves() const noexcept { return leaves_; }
  double units() const { return static_cast<double>(leaves_); }
  void prepare() const noexcept {}
  void check(long answer) const {
    if (answer != leaves_ * (leaves_ - 1) / 2)
      wrong("the sum of all leaves is not " + std::to_string(answer));
  }

 private:
  static long power_of_ten(std::int64_t at_least) {
    long n = 1;
    while (n < at_least) n *= 10;
    return n;
  }
  long leaves_;
};

}  // namespace filch::bench::skynet
