#include "runtime.hpp"

#include <functional>

#include "events.hpp"

/// \file
/// The same closures, called one after the other in the order in which they were added.

namespace filch::bench::graph_shapes {
namespace {

template <class Body>
class task_graph {
 public:
  task_graph(runtime&, const shape& s, Body body) {
    nodes_.reserve(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) nodes_.emplace_back([body, i] { body(i); });
  }
  void run() {
    for (auto& node : nodes_) node();
  }

 private:
  std::vector<std::function<void()>> nodes_;
};

}  // namespace
}  // namespace filch::bench::graph_shapes

int main(int argc, char** argv) {
  using namespace filch::bench;
  return graph_shapes::compete<runtime, graph_shapes::task_graph>(argc, argv);
}
