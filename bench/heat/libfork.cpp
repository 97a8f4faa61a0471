#include "heat/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::heat {
namespace {

constexpr auto bands = [](auto self, grid* plate, std::size_t lo, std::size_t hi) -> lf::task<> {
  if (hi - lo == 1) {
    plate->step_band(lo);
    co_return;
  }
  const auto middle = lo + (hi - lo) / 2;
  co_await lf::fork[self](plate, lo, middle);
  co_await lf::call[self](plate, middle, hi);
  co_await lf::join;
};

constexpr auto all_steps = [](auto, grid* plate) -> lf::task<> {
  for (std::size_t step = 0; step < steps; ++step) {
    co_await lf::call[bands](plate, std::size_t{0}, plate->bands());
    co_await lf::join;
    plate->end_step();
  }
};

}  // namespace
}  // namespace filch::bench::heat

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<heat::problem, runtime>(
      argc, argv, [](runtime& r, heat::problem& p) { r.run(heat::all_steps, &p.plate()); });
}
