#pragma once

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>

#include "events.hpp"

/// \file
/// filch's graph with data on the first two edges of each node, as the others cannot have it: each
/// node gives a number, and gets those of the nodes before it.

namespace filch::bench::graph_shapes {

template <class Body>
class task_graph {
 public:
  task_graph(const pool& p, const shape& s, Body body) : pool_(p) {
    std::vector<node<int>> nodes;
    nodes.reserve(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      switch (s.count(i)) {
        case 0:
          nodes.push_back(graph_.add([body, i] { return visit(body, i); }));
          break;
        case 1:
          nodes.push_back(graph_.add([body, i](int) { return visit(body, i); }, nodes[s.at(i, 0)]));
          break;
        default:
          nodes.push_back(graph_.add([body, i](int, int) { return visit(body, i); },
                                     nodes[s.at(i, 0)], nodes[s.at(i, 1)]));
      }
      for (std::size_t k = 2; k < s.count(i); ++k) nodes[s.at(i, k)].precede(nodes[i]);
    }
  }
  void run() { pool_.run(graph_).get(); }

 private:
  static int visit(const Body& body, std::size_t i) {
    body(i);
    return static_cast<int>(i);
  }
  const pool& pool_;
  graph graph_;
};

}  // namespace filch::bench::graph_shapes
