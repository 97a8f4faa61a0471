#include <array>
#include <numeric>

#include "runtime.hpp"
#include "skynet/workload.hpp"

namespace filch::bench::skynet {
namespace {

constexpr auto below = [](auto self, long first, long leaves) -> lf::task<long> {
  if (leaves == 1) co_return first;
  const long each = leaves / 10;
  std::array<long, 10> sums;
  for (std::size_t child = 0; child < 9; ++child) {
    co_await lf::fork[&sums[child], self](first + static_cast<long>(child) * each, each);
  }
  co_await lf::call[&sums[9], self](first + 9 * each, each);
  co_await lf::join;
  co_return std::accumulate(sums.begin(), sums.end(), 0L);
};

}  // namespace
}  // namespace filch::bench::skynet

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<skynet::problem, runtime>(argc, argv, [](runtime& r, const skynet::problem& p) {
    return r.run(skynet::below, 0L, p.leaves());
  });
}
