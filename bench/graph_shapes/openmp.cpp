#include "runtime.hpp"

#include <omp.h>

#include "events.hpp"

/// \file
/// OpenMP: a task for each node with `depend`; the graph is made anew in each run, by one thread.

namespace filch::bench::graph_shapes {
namespace {

template <class Body>
class task_graph {
 public:
  task_graph(runtime&, const shape& s, Body body) : shape_(s), body_(body), marks_(s.size()) {}
  void run() {
#pragma omp parallel
#pragma omp single
    for (std::size_t i = 0; i < shape_.size(); ++i) add(i);
  }

 private:
  // With more than two before it a node needs the iterator of OpenMP 5.
  void add(std::size_t i) {
    const Body body = body_;
    [[maybe_unused]] char* const m = marks_.data();
    const std::size_t n = shape_.count(i);
    const std::uint32_t* const b = shape_.before.data() + shape_.first[i];
    if (n == 0) {
#pragma omp task firstprivate(body, i) depend(out : m[i])
      body(i);
    } else if (n == 1) {
#pragma omp task firstprivate(body, i) depend(in : m[b[0]]) depend(out : m[i])
      body(i);
    } else if (n == 2) {
#pragma omp task firstprivate(body, i) depend(in : m[b[0]], m[b[1]]) depend(out : m[i])
      body(i);
    } else {
#pragma omp task firstprivate(body, i) depend(iterator(k = 0 : n), in : m[b[k]]) depend(out : m[i])
      body(i);
    }
  }

  const shape& shape_;
  const Body body_;
  std::vector<char> marks_;
};

}  // namespace
}  // namespace filch::bench::graph_shapes

int main(int argc, char** argv) {
  using namespace filch::bench;
  return graph_shapes::compete<runtime, graph_shapes::task_graph>(argc, argv);
}
