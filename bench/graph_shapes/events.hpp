#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cholesky.hpp"
#include "harness/contest.hpp"
#include "shape.hpp"

/// \file
/// What each runtime's graphs are timed at.

namespace filch::bench::graph_shapes {

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

/// What a node of a shape does.
struct visit_cell {
  std::uint32_t* counts;
  void operator()(std::size_t i) const { ++counts[i]; }
};

/// A graph that is kept, and how often it has run.
template <class Runtime, template <class> class Graph>
struct kept_graph {
  kept_graph(Runtime& r, const shape& of) : counts(of), graph(r, of, visit_cell{counts.at(0)}) {
    run(2);
  }
  void run(std::uint32_t times) {
    for (std::uint32_t i = 0; i < times; ++i) graph.run();
    runs += times;
  }
  cells counts;
  Graph<visit_cell> graph;
  std::uint32_t runs = 0;
};

template <class Runtime, template <class> class Graph>
repetition build_and_run(Runtime& runtime, const shape& s) {
  cells counts(s);
  const stopwatch watch;
  Graph<visit_cell> graph(runtime, s, visit_cell{counts.at(0)});
  graph.run();
  const auto took = watch.lap(static_cast<double>(s.size()));
  counts.check(1);
  return took;
}

template <class Kept>
repetition run_again(Kept& kept, std::uint32_t times, double units) {
  const stopwatch watch;
  kept.run(times);
  const auto took = watch.lap(units);
  kept.counts.check(kept.runs);
  return took;
}

/// The events of a runtime whose `Graph<Body>(runtime, shape, body)` builds a graph that calls
/// `body(i)` for each node, and whose `run()` runs it.
template <class Runtime, template <class> class Graph>
std::vector<event> events(const contest_settings& s) {
  auto& runtime = *new Runtime(s.threads);
  const auto scale = s.size == 0 ? std::size_t{512} : static_cast<std::size_t>(s.size);
  auto& shapes = *new std::vector<shape>{chain(scale * 200), binary_tree(scale * 256 - 1),
                                         grid(scale), random_dag(scale * 20, 4)};
  using kept = kept_graph<Runtime, Graph>;
  std::vector<event> all;
  for (const auto& shape : shapes) {
    all.push_back({shape.name + ": build and first run", "node",
                   [&runtime, &shape] { return build_and_run<Runtime, Graph>(runtime, shape); }});
    all.push_back({shape.name + ": run again", "node",
                   [&runtime, &shape, graph = std::shared_ptr<kept>()]() mutable {
                     if (!graph) graph = std::make_shared<kept>(runtime, shape);
                     const auto times = static_cast<std::uint32_t>(500'000 / shape.size() + 1);
                     return run_again(*graph, times, static_cast<double>(shape.size()) * times);
                   }});
  }
  // What a run costs besides its nodes.
  auto& small = *new shape(grid(3));
  all.push_back(
      {"9 nodes, 1000 times", "run", [&runtime, &small, graph = std::shared_ptr<kept>()]() mutable {
         if (!graph) graph = std::make_shared<kept>(runtime, small);
         return run_again(*graph, 1000, 1000);
       }});
  auto& matrix = *new cholesky(scale * 2, 32);
  all.push_back({"Cholesky, blocks of 32", "block operation",
                 [&runtime, &matrix, graph = std::shared_ptr<Graph<factor_block>>()]() mutable {
                   if (!graph) {
                     graph = std::make_shared<Graph<factor_block>>(runtime, matrix.tasks(),
                                                                   factor_block{&matrix});
                   }
                   matrix.prepare();
                   const stopwatch watch;
                   graph->run();
                   const auto took = watch.lap(static_cast<double>(matrix.tasks().size()));
                   matrix.check();
                   return took;
                 }});
  return all;
}

template <class Runtime, template <class> class Graph>
int compete(int argc, char** argv) {
  return run_contest(argc, argv, {"graph_shapes", Runtime::name, Runtime::version()},
                     events<Runtime, Graph>);
}

}  // namespace filch::bench::graph_shapes
