#include "matmul/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::matmul {
namespace {

void multiply(output c, input a, input b);

/// The four quarters of c, each plus the product of its row's k-th and its column's k-th quarter.
void four(output c, input a, input b, std::size_t k) {
  const auto quarter = [=](std::size_t row, std::size_t column) {
    multiply(c.quarter(row, column), a.quarter(row, k), b.quarter(k, column));
  };
  runtime::fork([&] { runtime::fork([&] { quarter(0, 0); }, [&] { quarter(0, 1); }); },
                [&] { runtime::fork([&] { quarter(1, 0); }, [&] { quarter(1, 1); }); });
}

void multiply(output c, input a, input b) {
  if (c.side <= short_side) {
    add_product(c, a, b);
    return;
  }
  four(c, a, b, 0);
  four(c, a, b, 1);
}

}  // namespace
}  // namespace filch::bench::matmul

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<matmul::problem, runtime>(argc, argv, [](runtime& r, matmul::problem& p) {
    r.run([&p] { matmul::multiply(p.c(), p.a(), p.b()); });
  });
}
