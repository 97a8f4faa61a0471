#include "cilksort/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::cilksort {
namespace {

void merge(numbers a, numbers b, numbers out) {
  if (a.size() < b.size()) std::swap(a, b);
  if (out.size() <= short_merge) {
    merge_serially(a, b, out);
    return;
  }
  const auto h = split(a, b, out);
  runtime::fork([&h] { merge(h.a_low, h.b_low, h.out_low); },
                [&h] { merge(h.a_high, h.b_high, h.out_high); });
}

void sort(numbers data, numbers scratch) {
  if (data.size() <= short_sort) {
    std::sort(data.begin(), data.end());
    return;
  }
  const auto d = quartered(data);
  const auto s = quartered(scratch);
  runtime::fork(
      [&] { runtime::fork([&] { sort(d.one, s.one); }, [&] { sort(d.two, s.two); }); },
      [&] { runtime::fork([&] { sort(d.three, s.three); }, [&] { sort(d.four, s.four); }); });
  runtime::fork([&] { merge(d.one, d.two, s.low); }, [&] { merge(d.three, d.four, s.high); });
  merge(s.low, s.high, data);
}

}  // namespace
}  // namespace filch::bench::cilksort

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<cilksort::problem, runtime>(argc, argv, [](runtime& r, cilksort::problem& p) {
    r.run([&p] { cilksort::sort(p.data(), p.scratch()); });
  });
}
