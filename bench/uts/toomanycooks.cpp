#include <numeric>
#include <ranges>

#include "runtime.hpp"
#include "uts/workload.hpp"

namespace filch::bench::uts {
namespace {

tmc::task<count> walk(const tree* t, node n) {
  const auto children = children_of(*t, n);
  if (children == 0) co_return leaf(n);
  auto branches = std::views::iota(std::size_t{0}, children) |
                  std::views::transform([&](std::size_t i) { return walk(t, child_of(n, i)); });
  const auto found = co_await tmc::spawn_many(branches.begin(), branches.size());
  co_return inner(std::accumulate(found.begin(), found.end(), count{}));
}

}  // namespace
}  // namespace filch::bench::uts

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<uts::problem, runtime>(argc, argv, [](runtime& r, const uts::problem& p) {
    return r.run(uts::walk(&p.shape_of(), uts::root_of(p.shape_of())));
  });
}
