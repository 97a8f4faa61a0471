#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "harness/contest.hpp"

/// \file
/// In how many ways n queens stand on a board of n times n without seeing each other: a search with
/// uneven branches, each with a board of its own.

namespace filch::bench::nqueens {

inline constexpr std::size_t widest = 16;

/// The columns of the queens placed so far, row by row.
using board = std::array<unsigned char, widest>;
/// Columns where the next queen may stand.
struct choices {
  board columns;
  std::size_t count = 0;
};

inline bool free_of_attack(const board& queens, std::size_t row, std::size_t column) noexcept {
  for (std::size_t r = 0; r < row; ++r) {
    const auto c = static_cast<std::size_t>(queens[r]);
    if (c == column || c + row == column + r || c + r == column + row) return false;
  }
  return true;
}

inline choices for_row(const board& queens, std::size_t row, std::size_t n) noexcept {
  choices found;
  for (std::size_t column = 0; column < n; ++column) {
    if (free_of_attack(queens, row, column)) {
      found.columns[found.count++] = static_cast<unsigned char>(column);
    }
  }
  return found;
}

inline board with(board queens, std::size_t row, unsigned char column) noexcept {
  queens[row] = column;
  return queens;
}

class problem {
 public:
  static constexpr const char* name = "nqueens";
  static constexpr const char* unit = "solution";
  explicit problem(std::int64_t size) : n_(size == 0 ? 13 : static_cast<std::size_t>(size)) {
    if (n_ >= known.size()) wrong("no answer is known here for " + std::to_string(n_) + " queens");
  }

  std::size_t n() const noexcept { return n_; }
  double units() const { return static_cast<double>(known[n_]); }
  void prepare() const noexcept {}
  void check(long answer) const {
    if (answer != known[n_])
      wrong(std::to_string(n_) + " queens do not stand in " + std::to_string(answer) + " ways");
  }

 private:
  // The On-Line Encyclopedia of Integer Sequences, A000170.
  static constexpr std::array<long, widest> known{
      1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200, 73712, 365596, 2279184};
  std::size_t n_;
};

}  // namespace filch::bench::nqueens
