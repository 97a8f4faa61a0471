#include "nqueens/workload.hpp"
#include "runtime.hpp"
#include "runtimes/forked_sum.hpp"

namespace filch::bench::nqueens {
namespace {

long ways(const board& queens, std::size_t row, std::size_t n) {
  if (row == n) return 1;
  const auto next = for_row(queens, row, n);
  if (next.count == 0) return 0;
  // By halves for everybody: here that is nowhere slower than all at once.
  return sum_by_halves<runtime>(0, next.count, [&](std::size_t i) {
    return ways(with(queens, row, next.columns[i]), row + 1, n);
  });
}

}  // namespace
}  // namespace filch::bench::nqueens

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<nqueens::problem, runtime>(argc, argv, [](runtime& r, const nqueens::problem& p) {
    return r.run([&p] { return nqueens::ways({}, 0, p.n()); });
  });
}
