#pragma once

#include <cstdint>

#include "scale/simulation.hpp"
#include "uts/workload.hpp"

namespace filch::bench::scale {

/// bench/uts: the children of a node, from `low` to `high`, by halves; a single one is walked.
class uts_tree {
 public:
  struct call {
    uts::node parent;
    std::uint32_t low = 0, high = 0;
  };
  /// `number` as in bench/uts: 1 is T1, 3 is T3.
  uts_tree(const costs& c, std::int64_t number)
      : problem_(uts::problem::each(number == 0 ? 1 : number).front()),
        node_ns_(problem_.is_deep() ? c.uts_t3_node : c.uts_t1_node) {}

  call root() noexcept {
    const uts::node root = uts::root_of(problem_.shape_of());
    return visit(root);
  }
  step go(call& c, unsigned stage, call& left, call& right) noexcept {
    if (stage > 0 || c.high == 0) return {step::kind::ends, 0};
    double ns = 0;
    while (c.high - c.low == 1) {
      ns += node_ns_;
      c = visit(uts::child_of(c.parent, c.low));
      if (c.high == 0) return {step::kind::ends, ns};
    }
    const auto middle = c.low + (c.high - c.low) / 2;
    left = {c.parent, c.low, middle};
    right = {c.parent, middle, c.high};
    return {step::kind::forks, ns};
  }
  void check() const { problem_.check(found_); }

 private:
  /// Counts the node; its children are what is left to do.
  call visit(const uts::node& n) noexcept {
    const auto children = uts::children_of(problem_.shape_of(), n);
    ++found_.nodes;
    if (children == 0) {
      ++found_.leaves;
      found_.depth = std::max<std::uint64_t>(found_.depth, n.height);
    }
    return {n, 0, static_cast<std::uint32_t>(children)};
  }

  uts::problem problem_;
  const double node_ns_;
  uts::count found_;
};

}  // namespace filch::bench::scale
