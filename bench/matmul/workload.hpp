#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// Product of two square matrices by quarters, without scratch memory: four products into the four
/// quarters of the result, then four more added to them.

namespace filch::bench::matmul {

inline constexpr std::size_t short_side = 64;

/// A square part of a matrix whose rows are `stride` apart.
template <class Number>
struct part {
  Number* first;
  std::size_t side;
  std::size_t stride;
  part quarter(std::size_t row, std::size_t column) const noexcept {
    const auto half = side / 2;
    return {first + row * half * stride + column * half, half, stride};
  }
};
using input = part<const float>;
using output = part<float>;

/// c += a * b, by three loops. A function of its own, so that it is the same code under all
/// runtimes: inside a coroutine, where arguments live in memory, it would not be vectorised.
[[gnu::noinline]] inline void add_product(output c, input a, input b) noexcept {
  for (std::size_t i = 0; i < c.side; ++i) {
    float* const out = c.first + i * c.stride;
    for (std::size_t k = 0; k < c.side; ++k) {
      const float factor = a.first[i * a.stride + k];
      const float* const row = b.first + k * b.stride;
      for (std::size_t j = 0; j < c.side; ++j) out[j] += factor * row[j];
    }
  }
}

class problem {
 public:
  static constexpr const char* name = "matmul";
  static constexpr const char* unit = "multiplication";
  explicit problem(std::int64_t size)
      : side_(size == 0 ? 2048 : static_cast<std::size_t>(size)),
        a_(side_ * side_),
        b_(side_ * side_),
        c_(side_ * side_) {
    if (!std::has_single_bit(side_)) wrong("the side of the matrices must be a power of two");
    // Whole numbers so small that no sum of products rounds: every order of adding is right.
    std::mt19937 random(1969);
    for (auto& x : a_) x = static_cast<float>(random() % 8);
    for (auto& x : b_) x = static_cast<float>(random() % 8);
  }

  input a() const noexcept { return {a_.data(), side_, side_}; }
  input b() const noexcept { return {b_.data(), side_, side_}; }
  output c() noexcept { return {c_.data(), side_, side_}; }
  double units() const {
    const auto n = static_cast<double>(side_);
    return n * n * n;
  }
  void prepare() { std::fill(c_.begin(), c_.end(), 0.0F); }
  /// Freivalds' check: a wrong product agrees with a random vector once in a thousand, and three
  /// vectors are tried.
  void check() const {
    std::mt19937 random(static_cast<std::uint32_t>(++checks_));
    for (int round = 0; round < 3; ++round) {
      std::vector<double> v(side_);
      for (auto& x : v) x = static_cast<double>(random() % 1000);
      if (times(c_, v) != times(a_, times(b_, v))) wrong("c is not a times b");
    }
  }

 private:
  std::vector<double> times(const std::vector<float>& m, const std::vector<double>& v) const {
    std::vector<double> out(side_);
    for (std::size_t i = 0; i < side_; ++i) {
      for (std::size_t j = 0; j < side_; ++j) {
        out[i] += static_cast<double>(m[i * side_ + j]) * v[j];
      }
    }
    return out;
  }

  std::size_t side_;
  std::vector<float> a_;
  std::vector<float> b_;
  std::vector<float> c_;
  mutable std::uint64_t checks_ = 0;
};

}  // namespace filch::bench::matmul
