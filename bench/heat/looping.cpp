#include "heat/workload.hpp"
#include "runtime.hpp"

int main(int argc, char** argv) {
  using namespace filch::bench;
  return contest<heat::problem, runtime>(argc, argv, [](runtime& r, heat::problem& p) {
    auto& plate = p.plate();
    for (std::size_t step = 0; step < heat::steps; ++step) {
      r.loop(plate.bands(), [&plate](std::size_t b) { plate.step_band(b); });
      plate.end_step();
    }
  });
}
