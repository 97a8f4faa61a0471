#include "quicksort/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::quicksort {
namespace {

void sort(number* begin, number* end) {
  if (end - begin <= short_part) {
    std::sort(begin, end);
    return;
  }
  const auto [equal, larger] = partitioned(begin, end);
  runtime::fork([begin, middle = equal] { sort(begin, middle); },
                [middle = larger, end] { sort(middle, end); });
}

}  // namespace
}  // namespace filch::bench::quicksort

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<quicksort::problem, runtime>(argc, argv, [](runtime& r, quicksort::problem& p) {
    r.run([&p] { quicksort::sort(p.begin(), p.end()); });
  });
}
