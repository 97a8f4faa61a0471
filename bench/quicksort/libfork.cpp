#include "quicksort/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::quicksort {
namespace {

constexpr auto sort = [](auto self, number* begin, number* end) -> lf::task<> {
  if (end - begin <= short_part) {
    std::sort(begin, end);
    co_return;
  }
  const auto parts = partitioned(begin, end);
  co_await lf::fork[self](begin, parts.first);
  co_await lf::call[self](parts.second, end);
  co_await lf::join;
};

}  // namespace
}  // namespace filch::bench::quicksort

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<quicksort::problem, runtime>(argc, argv, [](runtime& r, quicksort::problem& p) {
    r.run(quicksort::sort, p.begin(), p.end());
  });
}
