// Random task graphs with data, choices, loops, subgraphs, failures, retries and cancellations, run
// on every engine and compared with a run by hand.
//   FILCH_STRESS_GRAPHS=100000   so many of them
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <filch/select.hpp>

#include "graph_play.hpp"
#include "support/counted.hpp"
#include "support/seeded.hpp"
#include "support/watchdog.hpp"

namespace {

using filch_test::graph_play;
using filch_test::plan_maker;
using filch_test::raw_node;

int wanted_graphs() {
  const char* text = std::getenv("FILCH_STRESS_GRAPHS");
  return text ? std::atoi(text) : 1000;
}

std::vector<raw_node> random_nodes(std::mt19937_64& random) {
  std::vector<raw_node> nodes(1 + random() % (random() % 8 == 0 ? 300 : 40));
  for (auto& n : nodes) {
    const auto byte = [&] { return static_cast<std::uint8_t>(random()); };
    n = {byte(), {byte(), byte(), byte()}, {byte(), byte()}, {byte(), byte(), byte()}, byte()};
  }
  return nodes;
}

struct named_pool {
  std::string name;
  std::unique_ptr<filch::pool> pool;
};

std::vector<named_pool> every_engine() {
  std::vector<named_pool> all;
  const auto add = [&](const std::string& engine, unsigned workers) {
    all.push_back({engine + " " + std::to_string(workers),
                   std::make_unique<filch::pool>(filch::make_engine(engine, workers))});
  };
  add("serial", 0);
  for (const unsigned n : {1U, 2U, 3U, 8U}) add("native", n);
#ifdef FILCH_HAS_TBB
  for (const unsigned n : {1U, 2U, 3U, 8U}) add("tbb", n);
#endif
  return all;
}

TEST(graph_oracle, random_graphs_come_to_what_they_must_on_every_engine) {
  const filch_test::no_leaks check;
  const auto pools = every_engine();
  auto random = filch_test::seeded();
  for (int k = 0; k < wanted_graphs(); ++k) {
    const filch_test::watchdog guard({}, std::chrono::seconds(20));
    graph_play play(plan_maker(random_nodes(random)).take());
    for (const auto& p : pools) {
      for (int round = 0; round < 2; ++round) {
        const auto wrong = play.run(*p.pool);
        ASSERT_EQ(wrong, "") << "graph " << k << ", round " << round << " on " << p.name;
      }
    }
  }
}

TEST(graph_oracle, random_graphs_can_be_cancelled_at_any_time) {
  const filch_test::no_leaks check;
  const auto pools = every_engine();
  auto random = filch_test::seeded();
  for (int k = 0; k < wanted_graphs() / 3; ++k) {
    const filch_test::watchdog guard({}, std::chrono::seconds(20));
    graph_play play(plan_maker(random_nodes(random)).take());
    for (const auto& p : pools) {
      const auto wrong = play.run_and_cancel(*p.pool, static_cast<int>(random() % 20'000));
      ASSERT_EQ(wrong, "") << "graph " << k << " on " << p.name;
      const auto after = play.run(*p.pool);
      ASSERT_EQ(after, "") << "graph " << k << ", after a cancelled run, on " << p.name;
    }
  }
}

}  // namespace
