#pragma once

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>

#include "shape.hpp"

/// \file
/// filch's graph with data on the first two edges of each node, as the others cannot have it: each
/// node gives a number, and gets those of the nodes before it.

namespace filch::bench::graph_shapes {

class task_graph {
 public:
  task_graph(const pool& p, const shape& s, cells& c) : pool_(p) {
    std::vector<node<int>> nodes;
    nodes.reserve(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      auto* const cell = c.at(i);
      switch (s.count(i)) {
        case 0:
          nodes.push_back(graph_.add([cell] { return visit(cell); }));
          break;
        case 1:
          nodes.push_back(graph_.add([cell](int) { return visit(cell); }, nodes[s.at(i, 0)]));
          break;
        default:
          nodes.push_back(graph_.add([cell](int, int) { return visit(cell); }, nodes[s.at(i, 0)],
                                     nodes[s.at(i, 1)]));
      }
      for (std::size_t k = 2; k < s.count(i); ++k) nodes[s.at(i, k)].precede(nodes[i]);
    }
  }
  void run() { pool_.run(graph_).get(); }

 private:
  static int visit(std::uint32_t* cell) { return static_cast<int>(++*cell); }
  const pool& pool_;
  graph graph_;
};

}  // namespace filch::bench::graph_shapes
