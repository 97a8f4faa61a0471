#include "quicksort/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::quicksort {
namespace {

tmc::task<void> sort(number* begin, number* end) {
  if (end - begin <= short_part) {
    std::sort(begin, end);
    co_return;
  }
  const auto parts = partitioned(begin, end);
  co_await tmc::spawn_tuple(sort(begin, parts.first), sort(parts.second, end));
}

}  // namespace
}  // namespace filch::bench::quicksort

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<quicksort::problem, runtime>(argc, argv, [](runtime& r, quicksort::problem& p) {
    r.run(quicksort::sort(p.begin(), p.end()));
  });
}
