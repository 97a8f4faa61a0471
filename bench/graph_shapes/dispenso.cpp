#include <dispenso/graph.h>
#include <dispenso/graph_executor.h>
#include <dispenso/task_set.h>
#include <dispenso/thread_pool.h>

#include "events.hpp"

/// \file
/// dispenso: who waits for the task set works on it, so the pool has one thread less.

namespace filch::bench::graph_shapes {
namespace {

struct dispenso_pool : dispenso::ThreadPool {
  static constexpr const char* name = "dispenso";
  static const char* version() {
    static const auto text = std::to_string(DISPENSO_MAJOR_VERSION) + "." +
                             std::to_string(DISPENSO_MINOR_VERSION) + "." +
                             std::to_string(DISPENSO_PATCH_VERSION);
    return text.c_str();
  }
  explicit dispenso_pool(unsigned threads) : dispenso::ThreadPool(threads - 1) {}
};

template <class Body>
class task_graph {
 public:
  task_graph(dispenso_pool& pool, const shape& s, Body body) : tasks_(pool) {
    graph_.reserve(s.size());
    std::vector<dispenso::Node*> nodes;
    nodes.reserve(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      nodes.push_back(&graph_.addNode([body, i] { body(i); }));
      for (std::size_t k = 0; k < s.count(i); ++k) nodes[i]->dependsOn(*nodes[s.at(i, k)]);
    }
  }
  void run() {
    setAllNodesIncomplete(graph_);
    executor_(tasks_, graph_);
  }

 private:
  dispenso::ConcurrentTaskSet tasks_;
  dispenso::Graph graph_;
  dispenso::ConcurrentTaskSetExecutor executor_;
};

}  // namespace
}  // namespace filch::bench::graph_shapes

int main(int argc, char** argv) {
  using namespace filch::bench::graph_shapes;
  return compete<dispenso_pool, task_graph>(argc, argv);
}
