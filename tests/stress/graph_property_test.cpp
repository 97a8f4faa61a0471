// The graphs of graph_oracle_test as a property: one that fails is made smaller, node by node,
// until nothing can be left out, and printed for Graphviz.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <filch/pool.hpp>
#include <filch/select.hpp>

#include "graph_play.hpp"
#include "support/seeded.hpp"
#include "support/watchdog.hpp"

namespace filch_test {
/// How rapidcheck prints a node.
void showValue(const raw_node& n, std::ostream& out) {
  out << "{" << +n.kind << ", {" << +n.inputs[0] << ", " << +n.inputs[1] << ", " << +n.inputs[2]
      << "}, {" << +n.before[0] << ", " << +n.before[1] << "}, {" << +n.ways[0] << ", "
      << +n.ways[1] << ", " << +n.ways[2] << "}, " << +n.flags << "}";
}
}  // namespace filch_test

namespace {

using filch_test::graph_play;
using filch_test::plan_maker;
using filch_test::raw_node;

rc::Gen<raw_node> any_raw_node() {
  using rc::gen::arbitrary;
  return rc::gen::map(arbitrary<std::array<std::uint8_t, 10>>(), [](const auto& b) {
    return raw_node{b[0], {b[1], b[2], b[3]}, {b[4], b[5]}, {b[6], b[7], b[8]}, b[9]};
  });
}

/// True if the property holds; else a smallest counterexample has been printed.
bool holds(const std::string& what, const std::string& engine, unsigned workers, bool with_flow) {
  const filch_test::watchdog guard({}, std::chrono::seconds(50));
  const filch::pool pool(filch::make_engine(engine, workers));
  return rc::check(what, [&] {
    const auto raw = *rc::gen::container<std::vector<raw_node>>(any_raw_node());
    graph_play play(plan_maker(raw, with_flow).take());
    std::string wrong;
    for (int round = 0; round < 3 && wrong.empty(); ++round) wrong = play.run(pool);
    if (!wrong.empty()) RC_FAIL(wrong);
  });
}

TEST(graph_property, a_graph_without_branches_is_its_nodes_in_order) {
  EXPECT_TRUE(holds("serial, no branches", "serial", 0, false));
  EXPECT_TRUE(holds("native, no branches", "native", 3, false));
}

TEST(graph_property, a_graph_with_branches_is_what_it_is_by_hand) {
  EXPECT_TRUE(holds("serial, with branches", "serial", 0, true));
  EXPECT_TRUE(holds("native, with branches", "native", 3, true));
}

}  // namespace
