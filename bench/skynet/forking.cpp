#include "runtime.hpp"
#include "runtimes/forked_sum.hpp"
#include "skynet/workload.hpp"

namespace filch::bench::skynet {
namespace {

/// `leaves` of them, the first of which has the number `first`.
long below(long first, long leaves) {
  if (leaves == 1) return first;
  const long each = leaves / 10;
  return forked_sum<runtime>(10, [first, each](std::size_t child) {
    return below(first + static_cast<long>(child) * each, each);
  });
}

}  // namespace
}  // namespace filch::bench::skynet

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<skynet::problem, runtime>(argc, argv, [](runtime& r, const skynet::problem& p) {
    return r.run([&p] { return skynet::below(0, p.leaves()); });
  });
}
