#include <filch/tbb.hpp>

#include "filch_graph.hpp"

namespace {
struct on_tbb : filch::pool {
  static constexpr const char* name = "filch tbb";
  static const char* version() { return "this commit"; }
  explicit on_tbb(unsigned threads) : pool(filch::tbb_engine(threads)) {}
};
}  // namespace

int main(int argc, char** argv) {
  using namespace filch::bench;
  return graph_shapes::compete<on_tbb, graph_shapes::task_graph>(argc, argv);
}
