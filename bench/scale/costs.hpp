#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace filch::bench::scale {

/// What things cost, in nanoseconds, as costs.json has them. README.md tells which were measured
/// and which are assumed.
struct costs {
  // A workload's own work, of the serial program.
  double fib_call = 0;
  double uts_t1_node = 0;
  double uts_t3_node = 0;
  double nqueens_test = 0;  // of one column, and of each queen it is compared with
  double sort_element = 0;  // times the logarithm to base 2 of the run's length
  double merge_element = 0;
  double merge_split = 0;  // the search for where the other run is divided

  // The owner.
  double fork = 0;  // one that nobody steals, on top of its branches
  double pause = 0;
  double clock = 0;
  double fence = 0;
  double exchange = 0;  // of a word in the own cache

  // A cache line that another core has.
  double line = 0;      // on the same socket
  double line_far = 0;  // on the other one

  // The barrier in all threads of the process.
  double barrier = 0;           // with no other thread running
  double barrier_beside = 0;    // with one other core running
  double barrier_core = 0;      // more for each further one
  double barrier_core_far = 0;  // the same, on the other socket
  double barrier_holds = 0;     // of that, for how long no other can be under way
  double interruption = 0;      // what each of those loses

  // Sleeping.
  double sleep = 0;         // the call, until the core is free
  double wake_call = 0;     // for who wakes
  double wake_latency = 0;  // from the call until the sleeper runs
  double wake_nobody = 0;   // the call with nobody there
  double start_call = 0;    // of a thread, for who starts it
  double start_latency = 0;
  double slice = 0;  // how long a thread keeps its core while others are ready to run
};

/// Reads the "costs" of such a file. Throws: `std::runtime_error` that names what is missing.
costs read_costs(const std::string& file);
costs costs_from(const nlohmann::json& data);

}  // namespace filch::bench::scale
