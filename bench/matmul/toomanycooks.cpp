#include "matmul/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::matmul {
namespace {

tmc::task<void> multiply(output c, input a, input b) {
  if (c.side <= short_side) {
    add_product(c, a, b);
    co_return;
  }
  for (std::size_t k = 0; k < 2; ++k) {
    co_await tmc::spawn_tuple(multiply(c.quarter(0, 0), a.quarter(0, k), b.quarter(k, 0)),
                              multiply(c.quarter(0, 1), a.quarter(0, k), b.quarter(k, 1)),
                              multiply(c.quarter(1, 0), a.quarter(1, k), b.quarter(k, 0)),
                              multiply(c.quarter(1, 1), a.quarter(1, k), b.quarter(k, 1)));
  }
}

}  // namespace
}  // namespace filch::bench::matmul

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<matmul::problem, runtime>(argc, argv, [](runtime& r, matmul::problem& p) {
    r.run(matmul::multiply(p.c(), p.a(), p.b()));
  });
}
