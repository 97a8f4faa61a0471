#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "cilksort/workload.hpp"
#include "scale/simulation.hpp"

namespace filch::bench::scale {

/// bench/cilksort, which really sorts: where a merge is divided depends on the numbers.
class cilksort_tree {
 public:
  struct call {
    enum class kind : std::uint8_t { sort, pair_of_sorts, merge };
    kind what = kind::sort;
    // sort: data, scratch; pair_of_sorts: two of each; merge: two runs and where they go.
    cilksort::numbers a, b, c, d;
  };
  cilksort_tree(const costs& c, std::int64_t size) : cost_(c), problem_(size) {
    problem_.prepare();
  }

  call root() noexcept { return {call::kind::sort, problem_.data(), problem_.scratch(), {}, {}}; }
  step go(call& c, unsigned stage, call& left, call& right) {
    switch (c.what) {
      case call::kind::sort:
        return sort(c, stage, left, right);
      case call::kind::pair_of_sorts:
        if (stage > 0) return {step::kind::ends, 0};
        left = {call::kind::sort, c.a, c.b, {}, {}};
        right = {call::kind::sort, c.c, c.d, {}, {}};
        return {step::kind::forks, 0};
      case call::kind::merge:
        break;
    }
    return merge(c, stage, left, right);
  }
  void check() const { problem_.check(); }

 private:
  step sort(const call& c, unsigned stage, call& left, call& right) {
    if (c.a.size() <= cilksort::short_sort) {
      std::sort(c.a.begin(), c.a.end());
      const auto n = static_cast<double>(c.a.size());
      return {step::kind::ends, n * std::log2(std::max(n, 2.0)) * cost_.sort_element};
    }
    const auto data = cilksort::quartered(c.a);
    const auto scratch = cilksort::quartered(c.b);
    if (stage == 0) {
      left = {call::kind::pair_of_sorts, data.one, scratch.one, data.two, scratch.two};
      right = {call::kind::pair_of_sorts, data.three, scratch.three, data.four, scratch.four};
      return {step::kind::forks, 0};
    }
    if (stage == 1) {
      left = {call::kind::merge, data.one, data.two, scratch.low, {}};
      right = {call::kind::merge, data.three, data.four, scratch.high, {}};
      return {step::kind::forks, 0};
    }
    if (stage > 2) return {step::kind::ends, 0};
    left = {call::kind::merge, scratch.low, scratch.high, c.a, {}};
    return {step::kind::calls, 0};
  }

  step merge(call& c, unsigned stage, call& left, call& right) {
    if (stage > 0) return {step::kind::ends, 0};
    if (c.a.size() < c.b.size()) std::swap(c.a, c.b);
    if (c.c.size() <= cilksort::short_merge) {
      cilksort::merge_serially(c.a, c.b, c.c);
      return {step::kind::ends, static_cast<double>(c.c.size()) * cost_.merge_element};
    }
    const auto h = cilksort::split(c.a, c.b, c.c);
    left = {call::kind::merge, h.a_low, h.b_low, h.out_low, {}};
    right = {call::kind::merge, h.a_high, h.b_high, h.out_high, {}};
    return {step::kind::forks, cost_.merge_split};
  }

  const costs cost_;
  cilksort::problem problem_;
};

}  // namespace filch::bench::scale
