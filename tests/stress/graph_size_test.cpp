// Graphs of a million nodes: what they need, and that nothing in them is recursive.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <stdexcept>
#include <vector>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>

#include "support/watchdog.hpp"

namespace {

constexpr int million = 1'000'000;

long peak_mib() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss / 1024;
}

TEST(graph_size, a_million_nodes_with_results_build_and_run_within_a_gibibyte) {
  const filch_test::watchdog guard({}, std::chrono::seconds(60));
  const filch::pool pool(2);
  filch::graph g;
  std::vector<filch::node<long>> row;
  for (int i = 0; i < 1000; ++i) row.push_back(g.add([] { return 1L; }));
  for (int k = 1; k < 1000; ++k) {
    for (std::size_t i = 999; i > 0; --i) {
      row[i] = g.add([](long a, long b) { return (a + b) % 1009; }, row[i], row[i - 1]);
    }
    row[0] = g.add([](long a) { return a; }, row[0]);
  }
  ASSERT_EQ(g.size(), static_cast<std::size_t>(million));
  const auto again = pool.run(g).get(row[999]);
  EXPECT_EQ(pool.run(g).get(row[999]), again);
  if (filch_test::slowdown() == 1) {
    EXPECT_LE(peak_mib(), 1024);
  }
}

TEST(graph_size, a_million_nodes_in_a_chain_fail_and_end_without_deep_stacks) {
  const filch_test::watchdog guard({}, std::chrono::seconds(60));
  const filch::pool pool(2);
  filch::graph g;
  auto last = g.add([] { throw std::domain_error("first"); });
  for (int i = 1; i < million; ++i) last = g.add([] {}).succeed(last);
  auto run = pool.run(g);
  EXPECT_THROW(run.get(), std::domain_error);
  EXPECT_EQ(run.progress().skipped, static_cast<std::size_t>(million) - 1);
  last.precede(last);
  EXPECT_THROW(g.check(), filch::cyclic_graph);
}

TEST(graph_size, a_million_nodes_behind_one_reach_all_workers) {
  const filch_test::watchdog guard({}, std::chrono::seconds(60));
  const filch::pool pool(8);
  filch::graph g;
  const auto first = g.add([] { return 1; });
  const auto last = g.add([] {});
  for (int i = 0; i < million; ++i) g.add([](int) {}, first).precede(last);
  for (int round = 0; round < 3; ++round) {
    auto run = pool.run(g);
    run.get();
    EXPECT_EQ(run.progress().done, static_cast<std::size_t>(million) + 2);
  }
}

}  // namespace
