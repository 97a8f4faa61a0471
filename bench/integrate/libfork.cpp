#include "integrate/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::integrate {
namespace {

constexpr auto integral = [](auto self, strip s) -> lf::task<double> {
  const auto h = halved(s);
  if (fine_enough(s, h)) co_return h.area();
  double left = 0;
  double right = 0;
  co_await lf::fork[&left, self](h.left);
  co_await lf::call[&right, self](h.right);
  co_await lf::join;
  co_return left + right;
};

}  // namespace
}  // namespace filch::bench::integrate

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<integrate::problem, runtime>(argc, argv,
                                              [](runtime& r, const integrate::problem& p) {
                                                return r.run(integrate::integral, p.whole());
                                              });
}
