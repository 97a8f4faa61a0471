#include "filch_graph.hpp"

namespace {
struct on_native : filch::pool {
  static constexpr const char* name = "filch native";
  static const char* version() { return "this commit"; }
  explicit on_native(unsigned threads) : pool(threads) {}
};
}  // namespace

int main(int argc, char** argv) {
  using namespace filch::bench;
  return graph_shapes::compete<on_native, graph_shapes::task_graph>(argc, argv);
}
