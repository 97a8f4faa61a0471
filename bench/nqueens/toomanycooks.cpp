#include <numeric>
#include <ranges>

#include "nqueens/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::nqueens {
namespace {

tmc::task<long> ways(board queens, std::size_t row, std::size_t n) {
  if (row == n) co_return 1;
  const auto next = for_row(queens, row, n);
  if (next.count == 0) co_return 0;
  auto children =
      std::views::iota(std::size_t{0}, next.count) | std::views::transform([&](std::size_t i) {
        return ways(with(queens, row, next.columns[i]), row + 1, n);
      });
  // As many as a row can have, so that their results stay in the frame.
  const auto found = co_await tmc::spawn_many<widest>(children.begin(), children.end());
  co_return std::accumulate(found.begin(), found.begin() + static_cast<long>(next.count), 0L);
}

}  // namespace
}  // namespace filch::bench::nqueens

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<nqueens::problem, runtime>(argc, argv, [](runtime& r, const nqueens::problem& p) {
    return r.run(nqueens::ways({}, 0, p.n()));
  });
}
