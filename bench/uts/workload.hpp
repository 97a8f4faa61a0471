#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/contest.hpp"
#include "uts/tree.hpp"

/// \file
/// Unbalanced tree search: walk a tree that is made while one walks, and count it.

namespace filch::bench::uts {

struct count {
  std::uint64_t nodes = 0;
  std::uint64_t leaves = 0;
  std::uint64_t depth = 0;
  friend count operator+(const count& a, const count& b) noexcept {
    return {a.nodes + b.nodes, a.leaves + b.leaves, std::max(a.depth, b.depth)};
  }
  bool operator==(const count&) const = default;
};

inline count leaf(const node& n) noexcept { return {1, 1, n.height}; }
/// A node with what is below it.
inline count inner(const count& below) noexcept {
  return {below.nodes + 1, below.leaves, below.depth};
}

class problem {
 public:
  static constexpr const char* name = "uts";
  static constexpr const char* unit = "node";
  explicit problem(const tree& t) : tree_(t) {}

  /// The published trees 1 to 7 (6 is T1L, 7 is T3L); usually T1 and T3.
  static std::vector<problem> each(std::int64_t size) {
    if (size == 0) return {problem(published[0]), problem(published[2])};
    if (size < 0 || size > static_cast<std::int64_t>(published.size())) {
      wrong("there is no tree number " + std::to_string(size));
    }
    return {problem(published[static_cast<std::size_t>(size) - 1])};
  }
  std::string event_name() const { return std::string(name) + " " + tree_.name; }

  bool is_deep() const noexcept { return tree_.depth > 1000; }
  const tree& shape_of() const noexcept { return tree_; }
  double units() const { return static_cast<double>(tree_.nodes); }
  void prepare() const noexcept {}
  void check(const count& answer) const {
    if (answer != count{tree_.nodes, tree_.leaves, tree_.depth}) {
      wrong(std::string(tree_.name) + " has not " + std::to_string(answer.nodes) + " nodes, " +
            std::to_string(answer.leaves) + " leaves and depth " + std::to_string(answer.depth));
    }
  }

 private:
  tree tree_;
};

}  // namespace filch::bench::uts
