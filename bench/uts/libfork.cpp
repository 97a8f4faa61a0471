#include <numeric>

#include "runtime.hpp"
#include "uts/workload.hpp"

namespace filch::bench::uts {
namespace {

constexpr auto walk = [](auto self, const tree* t, node n) -> lf::task<count> {
  const auto children = children_of(*t, n);
  if (children == 0) co_return leaf(n);
  auto [found] = co_await lf::co_new<count>(children);
  const auto last = children - 1;
  for (std::size_t i = 0; i < last; ++i) {
    co_await lf::fork[&found[i], self](t, child_of(n, i));
  }
  co_await lf::call[&found[last], self](t, child_of(n, last));
  co_await lf::join;
  co_return inner(std::accumulate(found.begin(), found.end(), count{}));
};

}  // namespace
}  // namespace filch::bench::uts

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<uts::problem, runtime>(argc, argv, [](runtime& r, const uts::problem& p) {
    return r.run(uts::walk, &p.shape_of(), uts::root_of(p.shape_of()));
  });
}
