#include <taskflow/taskflow.hpp>

#include "events.hpp"

namespace filch::bench::graph_shapes {
namespace {

struct taskflow_executor : tf::Executor {
  static constexpr const char* name = "Taskflow";
  static const char* version() { return tf::version(); }
  explicit taskflow_executor(unsigned threads) : tf::Executor(threads) {}
};

template <class Body>
class task_graph {
 public:
  task_graph(taskflow_executor& e, const shape& s, Body body) : executor_(e) {
    std::vector<tf::Task> nodes;
    nodes.reserve(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
      nodes.push_back(flow_.emplace([body, i] { body(i); }));
      for (std::size_t k = 0; k < s.count(i); ++k) nodes[s.at(i, k)].precede(nodes[i]);
    }
  }
  void run() { executor_.run(flow_).wait(); }

 private:
  taskflow_executor& executor_;
  tf::Taskflow flow_;
};

}  // namespace
}  // namespace filch::bench::graph_shapes

int main(int argc, char** argv) {
  using namespace filch::bench::graph_shapes;
  return compete<taskflow_executor, task_graph>(argc, argv);
}
