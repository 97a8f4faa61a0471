#pragma once

#include <chrono>
#include <cstdint>

#include <nlohmann/json.hpp>

namespace filch::bench {

/// What figures depend on: processor, cores this process may use, kernel, compiler, commit, and
/// the load average when the program began.
nlohmann::ordered_json describe_machine();

/// What this process has used so far, all its threads together.
struct usage {
  std::chrono::nanoseconds cpu{0};
  std::int64_t voluntary_switches = 0;
  std::int64_t involuntary_switches = 0;
};
usage used_so_far();

}  // namespace filch::bench
