#include "fib/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::fib {
namespace {

long fib(int n) {
  if (n < 2) return n;
  const auto [left, right] = runtime::fork([n] { return fib(n - 1); }, [n] { return fib(n - 2); });
  return left + right;
}

}  // namespace
}  // namespace filch::bench::fib

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<fib::problem, runtime>(argc, argv, [](runtime& r, const fib::problem& p) {
    return r.run([&p] { return fib::fib(p.n()); });
  });
}
