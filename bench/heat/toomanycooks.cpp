#include "heat/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::heat {
namespace {

tmc::task<void> bands(grid* plate, std::size_t lo, std::size_t hi) {
  if (hi - lo == 1) {
    plate->step_band(lo);
    co_return;
  }
  const auto middle = lo + (hi - lo) / 2;
  co_await tmc::spawn_tuple(bands(plate, lo, middle), bands(plate, middle, hi));
}

tmc::task<void> all_steps(grid* plate) {
  for (std::size_t step = 0; step < steps; ++step) {
    co_await bands(plate, 0, plate->bands());
    plate->end_step();
  }
}

}  // namespace
}  // namespace filch::bench::heat

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<heat::problem, runtime>(
      argc, argv, [](runtime& r, heat::problem& p) { r.run(heat::all_steps(&p.plate())); });
}
