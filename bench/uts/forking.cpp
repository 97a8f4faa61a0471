#include "runtime.hpp"
#include "runtimes/forked_sum.hpp"
#include "uts/workload.hpp"

namespace filch::bench::uts {
namespace {

count walk(const tree& t, const node& n) {
  const auto children = children_of(t, n);
  if (children == 0) return leaf(n);
  return inner(forked_sum<runtime>(children,
                                   [&](std::size_t child) { return walk(t, child_of(n, child)); }));
}

}  // namespace
}  // namespace filch::bench::uts

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<uts::problem, runtime>(argc, argv, [](runtime& r, const uts::problem& p) {
    return r.run([&t = p.shape_of()] { return uts::walk(t, uts::root_of(t)); });
  });
}
