#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// Cilk's merge sort: quarters are sorted in parallel and merged in parallel, a merge by splitting
/// the longer run in the middle. Source: the example of the Cilk system (Frigo, Leiserson, Randall,
/// PLDI 1998), after Akl and Santoro, 1987.

namespace filch::bench::cilksort {

using number = std::uint32_t;
using numbers = std::span<number>;
inline constexpr std::size_t short_sort = 2048;
inline constexpr std::size_t short_merge = 2048;

/// A merge divided in two that touch nothing in common.
struct merge_halves {
  numbers a_low, b_low, out_low;
  numbers a_high, b_high, out_high;
};

/// Requires: a not shorter than b, and both together longer than `short_merge`.
inline merge_halves split(numbers a, numbers b, numbers out) {
  const auto in_a = a.size() / 2;
  const auto in_b =
      static_cast<std::size_t>(std::lower_bound(b.begin(), b.end(), a[in_a]) - b.begin());
  return {a.first(in_a),   b.first(in_b),   out.first(in_a + in_b),
          a.subspan(in_a), b.subspan(in_b), out.subspan(in_a + in_b)};
}

/// A function of its own, so that it is the same code under all runtimes.
[[gnu::noinline]] inline void merge_serially(numbers a, numbers b, numbers out) {
  std::merge(a.begin(), a.end(), b.begin(), b.end(), out.begin());
}

/// The four quarters of a part, the last of which has what is left over.
struct quarters {
  numbers one, two, three, four, low, high;
};
inline quarters quartered(numbers whole) {
  const auto n = whole.size() / 4;
  return {whole.subspan(0, n),  whole.subspan(n, n), whole.subspan(2 * n, n),
          whole.subspan(3 * n), whole.first(2 * n),  whole.subspan(2 * n)};
}

class problem {
 public:
  static constexpr const char* name = "cilksort";
  static constexpr const char* unit = "element";
  explicit problem(std::int64_t size)
      : input_(size == 0 ? std::size_t{10'000'000} : static_cast<std::size_t>(size)),
        numbers_(input_.size()),
        scratch_(input_.size()) {
    std::mt19937 random(19980617);
    for (auto& x : input_) x = static_cast<number>(random());
    sorted_ = input_;
    std::sort(sorted_.begin(), sorted_.end());
  }

  numbers data() noexcept { return numbers_; }
  numbers scratch() noexcept { return scratch_; }
  double units() const { return static_cast<double>(input_.size()); }
  void prepare() { std::copy(input_.begin(), input_.end(), numbers_.begin()); }
  void check() const {
    if (numbers_ != sorted_) wrong("the numbers are not sorted");
  }

 private:
  std::vector<number> input_;
  std::vector<number> numbers_;
  std::vector<number> scratch_;
  std::vector<number> sorted_;
};

}  // namespace filch::bench::cilksort
