#include <array>
#include <numeric>

#include "nqueens/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::nqueens {
namespace {

constexpr auto ways = [](auto self, board queens, std::size_t row,
                         std::size_t n) -> lf::task<long> {
  if (row == n) co_return 1;
  const auto next = for_row(queens, row, n);
  if (next.count == 0) co_return 0;
  std::array<long, widest> found;
  const auto last = next.count - 1;
  for (std::size_t i = 0; i < last; ++i) {
    co_await lf::fork[&found[i], self](with(queens, row, next.columns[i]), row + 1, n);
  }
  co_await lf::call[&found[last], self](with(queens, row, next.columns[last]), row + 1, n);
  co_await lf::join;
  co_return std::accumulate(found.data(), found.data() + next.count, 0L);
};

}  // namespace
}  // namespace filch::bench::nqueens

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<nqueens::problem, runtime>(argc, argv, [](runtime& r, const nqueens::problem& p) {
    return r.run(nqueens::ways, nqueens::board{}, std::size_t{0}, p.n());
  });
}
