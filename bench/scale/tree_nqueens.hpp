#pragma once

#include <cstdint>

#include "nqueens/workload.hpp"
#include "scale/simulation.hpp"

namespace filch::bench::scale {

/// bench/nqueens: the free columns of a row, from `low` to `high`, by halves; a single one gets its
/// queen, and the next row is looked at.
class nqueens_tree {
 public:
  struct call {
    nqueens::board queens;
    nqueens::board columns;
    std::uint8_t row = 0, low = 0, high = 0;
  };
  nqueens_tree(const costs& c, std::int64_t size) : problem_(size), test_ns_(c.nqueens_test) {}

  call root() noexcept {
    double ns = 0;
    return visit({}, 0, ns);
  }
  step go(call& c, unsigned stage, call& left, call& right) noexcept {
    if (stage > 0 || c.high == 0) return {step::kind::ends, 0};
    double ns = 0;
    while (c.high - c.low == 1) {
      c = visit(nqueens::with(c.queens, c.row, c.columns[c.low]), c.row + 1U, ns);
      if (c.high == 0) return {step::kind::ends, ns};
    }
    const auto middle = static_cast<std::uint8_t>(c.low + (c.high - c.low) / 2);
    left = right = c;
    left.high = right.low = middle;
    return {step::kind::forks, ns};
  }
  void check() const { problem_.check(ways_); }
  /// What all tests of columns and queens come to: the unit that `nqueens_test` is the cost of.
  std::uint64_t tests() const noexcept { return tests_; }

 private:
  call visit(const nqueens::board& queens, std::size_t row, double& ns) noexcept {
    if (row == problem_.n()) {
      ++ways_;
      return {};
    }
    const auto next = nqueens::for_row(queens, row, problem_.n());
    const auto tests = tests_of(queens, row);
    tests_ += tests;
    ns += static_cast<double>(tests) * test_ns_;
    return {queens, next.columns, static_cast<std::uint8_t>(row), 0,
            static_cast<std::uint8_t>(next.count)};
  }
  /// As `for_row` makes them: each column, and the queens up to the first that sees it.
  std::uint64_t tests_of(const nqueens::board& queens, std::size_t row) const noexcept {
    std::uint64_t made = 0;
    for (std::size_t column = 0; column < problem_.n(); ++column) {
      ++made;
      for (std::size_t r = 0; r < row; ++r) {
        ++made;
        const auto c = static_cast<std::size_t>(queens[r]);
        if (c == column || c + row == column + r || c + r == column + row) break;
      }
    }
    return made;
  }

  nqueens::problem problem_;
  const double test_ns_;
  long ways_ = 0;
  std::uint64_t tests_ = 0;
};

}  // namespace filch::bench::scale
