#pragma once

#include <cstdint>
#include <string>

#include "scale/costs.hpp"
#include "scale/policy.hpp"
#include "scale/scheduler.hpp"

namespace filch::bench::scale {

struct task {
  std::string workload = "fib";
  std::int64_t size = 0;  // 0: the contest's
  unsigned workers = 2;
  unsigned sockets = 1;
  std::uint32_t seed = 1;
  unsigned complexes = 1;  // on each socket
};

struct outcome {
  double ns = 0;         // simulated, from the call to its caller's return
  double serial_ns = 0;  // the same calls without a scheduler
  std::uint64_t forks = 0;
  std::uint64_t barriers = 0;
  std::uint64_t events = 0;  // of the simulation
  tally counts;
};

/// Simulates one call. Throws: `wrong_answer` and the like if a half was lost or done twice: the
/// workload's own answer is checked.
outcome run_workload(const task& t, const costs& c, const policy& p);

}  // namespace filch::bench::scale
