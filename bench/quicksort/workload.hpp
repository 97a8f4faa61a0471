#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// Quicksort: the partition of a part is serial, so the tree starts narrow and its branches are
/// uneven.

namespace filch::bench::quicksort {

using number = std::uint32_t;
/// Parts so short that one thread sorts them.
inline constexpr std::ptrdiff_t short_part = 2048;

/// Divides [begin, end) into smaller, equal, and larger ones than the middle of three; gives where
/// the equal ones begin and end.
[[gnu::noinline]] inline std::pair<number*, number*> partitioned(number* begin, number* end) {
  const auto a = *begin;
  const auto b = begin[(end - begin) / 2];
  const auto c = end[-1];
  const auto pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
  auto* const equal = std::partition(begin, end, [pivot](number x) { return x < pivot; });
  auto* const larger = std::partition(equal, end, [pivot](number x) { return x == pivot; });
  return {equal, larger};
}

class problem {
 public:
  static constexpr const char* name = "quicksort";
  static constexpr const char* unit = "element";
  explicit problem(std::int64_t size)
      : input_(size == 0 ? std::size_t{10'000'000} : static_cast<std::size_t>(size)),
        numbers_(input_.size()) {
    std::mt19937 random(20240229);
    for (auto& x : input_) x = static_cast<number>(random());
    sorted_ = input_;
    std::sort(sorted_.begin(), sorted_.end());
  }

  number* begin() noexcept { return numbers_.data(); }
  number* end() noexcept { return numbers_.data() + numbers_.size(); }
  double units() const { return static_cast<double>(input_.size()); }
  void prepare() { std::copy(input_.begin(), input_.end(), numbers_.begin()); }
  void check() const {
    if (numbers_ != sorted_) wrong("the numbers are not sorted");
  }

 private:
  std::vector<number> input_;
  std::vector<number> numbers_;
  std::vector<number> sorted_;
};

}  // namespace filch::bench::quicksort
