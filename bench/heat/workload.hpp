#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// Heat on a plate, step by step from one grid into another: a barrier after each step, and more
/// memory traffic than arithmetic.

namespace filch::bench::heat {

inline constexpr std::size_t columns = 1024;
inline constexpr std::size_t steps = 20;
/// Rows that one job takes.
inline constexpr std::size_t band = 16;

class grid {
 public:
  explicit grid(std::size_t rows) : rows_(rows), now_(rows * columns), next_(rows * columns) {}
  std::size_t bands() const noexcept { return (rows_ + band - 1) / band; }
  /// The plate is hot at one edge and in the middle.
  void heat_up() {
    for (std::size_t row = 0; row < rows_; ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        const auto x = static_cast<double>(row) / static_cast<double>(rows_);
        const auto y = static_cast<double>(column) / static_cast<double>(columns);
        const double heat = row == 0 ? 1.0 : std::exp(-8 * ((x - 0.5) * (x - 0.5) + y * y));
        now_[row * columns + column] = heat;
        next_[row * columns + column] = heat;
      }
    }
  }
  /// The next step of the band's rows; the plate's edges keep their heat. A function of its own,
  /// so that it is the same code under all runtimes.
  [[gnu::noinline]] void step_band(std::size_t which) noexcept {
    const auto first = std::max<std::size_t>(which * band, 1);
    const auto last = std::min(which * band + band, rows_ - 1);
    for (std::size_t row = first; row < last; ++row) {
      const double* here = now_.data() + row * columns;
      double* out = next_.data() + row * columns;
      for (std::size_t c = 1; c + 1 < columns; ++c) {
        const double around = here[c - 1] + here[c + 1] + here[c - columns] + here[c + columns];
        out[c] = here[c] + 0.2 * (around - 4 * here[c]);
      }
    }
  }
  void end_step() noexcept { std::swap(now_, next_); }
  bool operator==(const grid& other) const { return now_ == other.now_; }

 private:
  std::size_t rows_;
  std::vector<double> now_;
  std::vector<double> next_;
};

class problem {
 public:
  static constexpr const char* name = "heat";
  static constexpr const char* unit = "cell";
  explicit problem(std::int64_t size)
      : rows_(size == 0 ? 2048 : static_cast<std::size_t>(size)), plate_(rows_), answer_(rows_) {
    answer_.heat_up();
    for (std::size_t step = 0; step < steps; ++step) {
      for (std::size_t b = 0; b < answer_.bands(); ++b) answer_.step_band(b);
      answer_.end_step();
    }
  }

  grid& plate() noexcept { return plate_; }
  double units() const { return static_cast<double>(rows_ * columns * steps); }
  void prepare() { plate_.heat_up(); }
  /// To the last bit: each cell is the same arithmetic in any order of cells.
  void check() const {
    if (!(plate_ == answer_)) wrong("the plate is not as hot as the plain loops say");
  }

 private:
  std::size_t rows_;
  grid plate_;
  grid answer_;
};

}  // namespace filch::bench::heat
