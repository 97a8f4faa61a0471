#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// Graphs as lists of edges. Their bodies are empty but for adding one to a cell of their own, so
/// that what is timed is the graph alone.

namespace filch::bench::graph_shapes {

/// A graph as lists of who comes before whom; nodes come after all that they depend on.
struct shape {
  std::string name;
  std::vector<std::uint32_t> first;  // by node: where its list begins; one more than nodes
  std::vector<std::uint32_t> before;

  std::size_t size() const { return first.size() - 1; }
  std::size_t count(std::size_t i) const { return first[i + 1] - first[i]; }
  std::uint32_t at(std::size_t i, std::size_t k) const { return before[first[i] + k]; }
};

inline shape make_shape(std::string name, std::size_t n, auto list_before) {
  shape s{std::move(name), {0}, {}};
  for (std::size_t i = 0; i < n; ++i) {
    list_before(i, s.before);
    s.first.push_back(static_cast<std::uint32_t>(s.before.size()));
  }
  return s;
}

inline shape chain(std::size_t n) {
  return make_shape("chain", n, [](std::size_t i, auto& list) {
    if (i > 0) list.push_back(static_cast<std::uint32_t>(i - 1));
  });
}
inline shape binary_tree(std::size_t n) {
  return make_shape("binary tree", n, [](std::size_t i, auto& list) {
    if (i > 0) list.push_back(static_cast<std::uint32_t>((i - 1) / 2));
  });
}
inline shape grid(std::size_t side) {
  return make_shape("grid", side * side, [side](std::size_t i, auto& list) {
    if (i % side > 0) list.push_back(static_cast<std::uint32_t>(i - 1));
    if (i >= side) list.push_back(static_cast<std::uint32_t>(i - side));
  });
}
/// `per_node` edges each, from nodes at most 1000 before it.
inline shape random_dag(std::size_t n, std::size_t per_node) {
  return make_shape(
      "random", n, [random = std::mt19937(7), per_node](std::size_t i, auto& list) mutable {
        const auto begin = list.size();
        for (std::size_t k = 0; k < std::min(i, per_node); ++k) {
          const auto from =
              static_cast<std::uint32_t>(i - 1 - random() % std::min<std::size_t>(i, 1000));
          if (std::find(list.begin() + static_cast<std::ptrdiff_t>(begin), list.end(), from) ==
              list.end()) {
            list.push_back(from);
          }
        }
      });
}

}  // namespace filch::bench::graph_shapes
