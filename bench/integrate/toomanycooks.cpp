#include "integrate/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::integrate {
namespace {

tmc::task<double> integral(strip s) {
  const auto h = halved(s);
  if (fine_enough(s, h)) co_return h.area();
  auto [left, right] = co_await tmc::spawn_tuple(integral(h.left), integral(h.right));
  co_return left + right;
}

}  // namespace
}  // namespace filch::bench::integrate

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<integrate::problem, runtime>(argc, argv,
                                              [](runtime& r, const integrate::problem& p) {
                                                return r.run(integrate::integral(p.whole()));
                                              });
}
