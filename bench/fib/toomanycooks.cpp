#include "fib/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::fib {
namespace {

tmc::task<long> fib(int n) {
  if (n < 2) co_return n;
  auto [left, right] = co_await tmc::spawn_tuple(fib(n - 1), fib(n - 2));
  co_return left + right;
}

}  // namespace
}  // namespace filch::bench::fib

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<fib::problem, runtime>(
      argc, argv, [](runtime& r, const fib::problem& p) { return r.run(fib::fib(p.n())); });
}
