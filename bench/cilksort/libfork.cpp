#include "cilksort/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::cilksort {
namespace {

constexpr auto merge = [](auto self, numbers a, numbers b, numbers out) -> lf::task<> {
  if (a.size() < b.size()) std::swap(a, b);
  if (out.size() <= short_merge) {
    merge_serially(a, b, out);
    co_return;
  }
  const auto h = split(a, b, out);
  co_await lf::fork[self](h.a_low, h.b_low, h.out_low);
  co_await lf::call[self](h.a_high, h.b_high, h.out_high);
  co_await lf::join;
};

constexpr auto sort = [](auto self, numbers data, numbers scratch) -> lf::task<> {
  if (data.size() <= short_sort) {
    std::sort(data.begin(), data.end());
    co_return;
  }
  const auto d = quartered(data);
  const auto s = quartered(scratch);
  co_await lf::fork[self](d.one, s.one);
  co_await lf::fork[self](d.two, s.two);
  co_await lf::fork[self](d.three, s.three);
  co_await lf::call[self](d.four, s.four);
  co_await lf::join;
  co_await lf::fork[merge](d.one, d.two, s.low);
  co_await lf::call[merge](d.three, d.four, s.high);
  co_await lf::join;
  co_await lf::call[merge](s.low, s.high, data);
  co_await lf::join;
};

}  // namespace
}  // namespace filch::bench::cilksort

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<cilksort::problem, runtime>(argc, argv, [](runtime& r, cilksort::problem& p) {
    r.run(cilksort::sort, p.data(), p.scratch());
  });
}
