#include "integrate/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::integrate {
namespace {

double integral(const strip& s) {
  const auto h = halved(s);
  if (fine_enough(s, h)) return h.area();
  const auto [left, right] =
      runtime::fork([&h] { return integral(h.left); }, [&h] { return integral(h.right); });
  return left + right;
}

}  // namespace
}  // namespace filch::bench::integrate

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<integrate::problem, runtime>(
      argc, argv, [](runtime& r, const integrate::problem& p) {
        return r.run([whole = p.whole()] { return integrate::integral(whole); });
      });
}
