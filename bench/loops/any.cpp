#include "loops/workload.hpp"
#include "runtime.hpp"

namespace filch::bench::loops {
namespace {

event of_empty_bodies(runtime& r, std::string name, std::size_t n) {
  return many_calls(name, "loop", [&r, name, n](std::size_t loops) {
    visits seen(n);
    for (std::size_t k = 0; k < loops; ++k) r.loop(n, [&seen](std::size_t i) { seen(i); });
    seen.check(loops, name);
  });
}

event of_two_that_meet(runtime& r) {
  return many_calls("2 that meet", "loop", [&r](std::size_t loops) {
    meeting both;
    for (std::size_t k = 0; k < loops; ++k) r.loop(2, [&both](std::size_t i) { both(i); });
    if (both.arrived() != 2 * loops) wrong("not two bodies a loop");
  });
}

std::vector<event> events(const contest_settings& s) {
  auto& r = *new runtime(s.threads);
  std::vector<event> all;
  all.push_back(of_empty_bodies(r, "2 empty bodies", 2));
  // Without a second thread they never meet.
  if (s.threads >= 2 && std::string(runtime::name) != "serial") all.push_back(of_two_that_meet(r));
  all.push_back(of_empty_bodies(r, "1000 short bodies", short_bodies));
  return all;
}

}  // namespace
}  // namespace filch::bench::loops

int main(int argc, char** argv) {
  using namespace filch::bench;
  return run_contest(argc, argv, {"loops", runtime::name, runtime::version()}, loops::events);
}
