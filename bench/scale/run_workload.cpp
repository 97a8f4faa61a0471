#include "scale/run_workload.hpp"

#include <stdexcept>

#include "scale/tree_cilksort.hpp"
#include "scale/tree_fib.hpp"
#include "scale/tree_nqueens.hpp"
#include "scale/tree_uts.hpp"

namespace filch::bench::scale {

namespace {

template <class Tree>
outcome run_tree(const task& t, const costs& c, const policy& p) {
  Tree tree(c, t.size);
  simulation<Tree> pool(tree, c, p, {t.workers, t.sockets, t.complexes}, t.seed);
  outcome o;
  o.ns = pool.run();
  tree.check();
  o.serial_ns = pool.serial_ns();
  o.forks = pool.forks();
  o.barriers = pool.barriers();
  o.events = pool.events();
  o.counts = pool.counts();
  return o;
}

}  // namespace

outcome run_workload(const task& t, const costs& c, const policy& p) {
  if (t.workers == 0 || t.workers > most_slots / 2) {
    throw std::invalid_argument("the number of workers must be from 1 to " +
                                std::to_string(most_slots / 2));
  }
  if (t.sockets == 0 || t.sockets > t.workers) {
    throw std::invalid_argument("there must be at least one socket and a worker on each");
  }
  if (t.complexes == 0 || t.complexes * t.sockets > t.workers) {
    throw std::invalid_argument("there must be at least one complex and a worker on each");
  }
  if (t.workload == "fib") return run_tree<fib_tree>(t, c, p);
  if (t.workload == "uts") return run_tree<uts_tree>(t, c, p);
  if (t.workload == "nqueens") return run_tree<nqueens_tree>(t, c, p);
  if (t.workload == "cilksort") return run_tree<cilksort_tree>(t, c, p);
  throw std::invalid_argument("there is no tree of '" + t.workload +
                              "': fib uts nqueens cilksort have one");
}

}  // namespace filch::bench::scale
