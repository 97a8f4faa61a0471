#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/version.h>

#include <deque>

#include "events.hpp"

/// \file
/// oneTBB's flow graph: a continue_node for each node.

namespace filch::bench::graph_shapes {
namespace {

struct tbb_arena {
  static constexpr const char* name = "oneTBB";
  static const char* version() { return TBB_VERSION_STRING; }
  explicit tbb_arena(unsigned threads)
      : limit(tbb::global_control::max_allowed_parallelism, threads),
        arena(static_cast<int>(threads)) {}
  tbb::global_control limit;
  tbb::task_arena arena;
};

template <class Body>
class task_graph {
 public:
  task_graph(tbb_arena& a, const shape& s, Body body) : arena_(a.arena) {
    arena_.execute([&] {
      graph_.reset();
      for (std::size_t i = 0; i < s.size(); ++i) {
        nodes_.emplace_back(graph_, [body, i](const message&) { body(i); });
        if (s.count(i) == 0) begins_.push_back(&nodes_.back());
        for (std::size_t k = 0; k < s.count(i); ++k) make_edge(nodes_[s.at(i, k)], nodes_[i]);
      }
    });
  }
  void run() {
    arena_.execute([&] {
      for (auto* node : begins_) node->try_put(message());
      graph_.wait_for_all();
    });
  }

 private:
  using message = tbb::flow::continue_msg;
  tbb::task_arena& arena_;
  tbb::flow::graph graph_;
  std::deque<tbb::flow::continue_node<message>> nodes_;
  std::vector<tbb::flow::continue_node<message>*> begins_;
};

}  // namespace
}  // namespace filch::bench::graph_shapes

int main(int argc, char** argv) {
  using namespace filch::bench::graph_shapes;
  return compete<tbb_arena, task_graph>(argc, argv);
}
