#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// Graphs of empty bodies: what is timed is the graph alone. Each node adds one to a cell of its
/// own and looks whether the cells of those before it have had their turn.

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

/// How often each node has run; one writer at a time each.
class cells {
 public:
  explicit cells(const shape& s) : of_(&s), counts_(s.size()) {}
  void visit(std::size_t i) { ++counts_[i]; }
  std::uint32_t* at(std::size_t i) { return &counts_[i]; }
  /// Every node must have run `times` times.
  void check(std::uint32_t times) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] != times) {
        wrong("node " + std::to_string(i) + " of the " + of_->name + " ran " +
              std::to_string(counts_[i]) + " times, not " + std::to_string(times));
      }
    }
  }

 private:
  const shape* of_;
  std::vector<std::uint32_t> counts_;
};

/// The events of a runtime whose `Graph(runtime, shape, cells)` builds and whose `run()` runs.
template <class Runtime, class Graph>
std::vector<event> events(const contest_settings& s) {
  auto& runtime = *new Runtime(s.threads);
  const auto scale = s.size == 0 ? std::size_t{512} : static_cast<std::size_t>(s.size);
  auto& shapes = *new std::vector<shape>{chain(scale * 200), binary_tree(scale * 256 - 1),
                                         grid(scale), random_dag(scale * 20, 4)};
  std::vector<event> all;
  for (const auto& shape : shapes) {
    const auto n = static_cast<double>(shape.size());
    all.push_back({shape.name + ": build and first run", "node", [&runtime, &shape, n] {
                     cells counts(shape);
                     const stopwatch watch;
                     Graph graph(runtime, shape, counts);
                     graph.run();
                     const auto took = watch.lap(n);
                     counts.check(1);
                     return took;
                   }});
    all.push_back({shape.name + ": run again", "node", [&runtime, &shape, n] {
                     struct kept {
                       kept(Runtime& r, const filch::bench::graph_shapes::shape& of)
                           : counts(of), graph(r, of, counts) {
                         graph.run();
                         graph.run();
                       }
                       cells counts;
                       Graph graph;
                       std::uint32_t runs = 2;
                     };
                     static std::vector<std::pair<const void*, kept*>> graphs;
                     auto at = std::find_if(graphs.begin(), graphs.end(),
                                            [&](const auto& g) { return g.first == &shape; });
                     if (at == graphs.end()) {
                       graphs.emplace_back(&shape, new kept(runtime, shape));
                       at = graphs.end() - 1;
                     }
                     kept& k = *at->second;
                     const auto times = std::max<std::uint32_t>(
                         1, static_cast<std::uint32_t>(500'000 / shape.size()));
                     const stopwatch watch;
                     for (std::uint32_t i = 0; i < times; ++i) k.graph.run();
                     const auto took = watch.lap(n * times);
                     k.counts.check(k.runs += times);
                     return took;
                   }});
  }
  // A small graph again and again: what a run costs besides its nodes.
  auto& small = *new shape(grid(3));
  all.push_back({"a graph of 9 nodes, 1000 times", "run", [&runtime, &small] {
                   cells counts(small);
                   Graph graph(runtime, small, counts);
                   graph.run();
                   const stopwatch watch;
                   for (int i = 0; i < 1000; ++i) graph.run();
                   const auto took = watch.lap(1000);
                   counts.check(1001);
                   return took;
                 }});
  return all;
}

template <class Runtime, class Graph>
int compete(int argc, char** argv) {
  return run_contest(argc, argv, {"graph_shapes", Runtime::name, Runtime::version()},
                     events<Runtime, Graph>);
}

}  // namespace filch::bench::graph_shapes
