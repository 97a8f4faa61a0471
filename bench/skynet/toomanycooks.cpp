#include <array>
#include <numeric>
#include <ranges>

#include "runtime.hpp"
#include "skynet/workload.hpp"

namespace filch::bench::skynet {
namespace {

tmc::task<long> below(long first, long leaves) {
  if (leaves == 1) co_return first;
  const long each = leaves / 10;
  auto children = std::views::iota(0L, 10L) | std::views::transform([=](long child) {
                    return below(first + child * each, each);
                  });
  const std::array<long, 10> sums = co_await tmc::spawn_many<10>(children.begin());
  co_return std::accumulate(sums.begin(), sums.end(), 0L);
}

}  // namespace
}  // namespace filch::bench::skynet

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<skynet::problem, runtime>(argc, argv, [](runtime& r, const skynet::problem& p) {
    return r.run(skynet::below(0, p.leaves()));
  });
}
