#include "fib/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::fib {
namespace {

constexpr auto fib = [](auto self, int n) -> lf::task<long> {
  if (n < 2) co_return n;
  long left = 0;
  long right = 0;
  co_await lf::fork[&left, self](n - 1);
  co_await lf::call[&right, self](n - 2);
  co_await lf::join;
  co_return left + right;
};

}  // namespace
}  // namespace filch::bench::fib

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<fib::problem, runtime>(
      argc, argv, [](runtime& r, const fib::problem& p) { return r.run(fib::fib, p.n()); });
}
