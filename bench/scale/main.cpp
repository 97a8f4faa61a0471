#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "scale/run_workload.hpp"

/// One simulated call, told as one line of JSON.
namespace filch::bench::scale {
namespace {

nlohmann::ordered_json told(const task& t, const outcome& o) {
  const tally& c = o.counts;
  return {{"workload", t.workload},
          {"size", t.size},
          {"workers", t.workers},
          {"sockets", t.sockets},
          {"complexes", t.complexes},
          {"seed", t.seed},
          {"ns", o.ns},
          {"serial_ns", o.serial_ns},
          {"forks", o.forks},
          {"stolen", c.stolen},
          {"stolen_far", c.stolen_far},
          {"forced", c.forced},
          {"forces", c.forces},
          {"answers", c.answers},
          {"passed", c.passed},
          {"parks", c.parks},
          {"wakes", c.wakes},
          {"blocks", c.blocks},
          {"spares", c.spares},
          {"barriers", o.barriers},
          {"barriers_to_sleep", c.barriers_to_sleep},
          {"barriers_of_finders", c.barriers_of_finders},
          {"barriers_of_blocked", c.barriers_of_blocked},
          {"events", o.events}};
}

/// Each is what the code does, unless another value is given; the last four are not in the code.
void add_policies(CLI::App& options, policy& p) {
  options.add_option("--visits-a-look", p.visits_a_look,
                     "at each how manieth visit a thief looks for hidden forks");
  options.add_option("--leave-to-searchers", p.leave_to_searchers,
                     "who stops to work leaves the last look to those that search");
  options.add_option("--look-first", p.look_first,
                     "a look behind the barrier is spared where a look without it sees work");
  options.add_option("--questions-stand", p.questions_stand,
                     "and where the questions of other sleepers stand");
  options.add_option("--count-called", p.count_called,
                     "who was called counts as a searcher before it is up");
  options.add_option("--leave-fresh", p.leave_fresh,
                     "what became public is left alone for a moment");
  options.add_option("--near-first", p.near_first, "victims of the own complex and node first");
  options.add_option("--roam", p.roam, "each so manieth sweep does not prefer near ones");
  options.add_option("--random-stride", p.random_stride, "victims of a group in random order");
  options.add_option("--search-share", p.search_share,
                     "one more searcher is enough for each so many threads at work");
  options.add_option("--home-apart", p.home_apart, "where a thread is has a line of its own");
}

}  // namespace
}  // namespace filch::bench::scale

int main(int argc, char** argv) {
  using namespace filch::bench::scale;
  task t;
  policy p;
  std::string file;
  CLI::App options("Simulates one call on a pool of any number of workers.", "bench_scale");
  options.add_option("--costs", file, "what things cost, costs.json")->required();
  options.add_option("--workload", t.workload, "fib uts nqueens cilksort")->required();
  options.add_option("--size", t.size, "the problem's size; 0: the contest's");
  options.add_option("--workers", t.workers, "workers, each on a core of its own");
  options.add_option("--sockets", t.sockets, "over how many sockets they are spread");
  options.add_option("--complexes", t.complexes, "parts of each socket's largest cache");
  options.add_option("--seed", t.seed, "of the thieves' choices");
  options.add_option("--spin", p.spin, "ns a thread looks for work before it sleeps");
  options.add_option("--patience", p.patience, "ns a thief waits for an answer");
  options.add_option("--force-gap", p.force_gap, "ns between forced takes of the process");
  add_policies(options, p);
  CLI11_PARSE(options, argc, argv);
  try {
    const auto line = told(t, run_workload(t, read_costs(file), p)).dump();
    std::printf("%s\n", line.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_scale: %s\n", error.what());
    return 1;
  }
  return 0;
}
