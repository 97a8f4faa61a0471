#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"

namespace {

using filch::node_state;

FILCH_CONFORMANCE(graph);

TEST_P(graph, carries_results_along_its_edges) {
  auto pool = make_pool();
  filch::graph g;
  const auto six = g.add([] { return 6; });
  const auto seven = g.add([] { return std::string("7"); });
  const auto product =
      g.add([](int a, const std::string& b) { return a * std::stoi(b); }, six, seven);
  const auto text = g.add([](auto&& x) { return std::to_string(x); }, product);
  auto run = pool.run(g);
  EXPECT_EQ(run.get(text), "42");
  EXPECT_EQ(run.get(product), 42);
  EXPECT_EQ(run.get(seven), "7");
  EXPECT_EQ(run.state(six), node_state::done);
  run.get();
}

TEST_P(graph, runs_each_node_after_all_before_it) {
  auto pool = make_pool();
  filch::graph g;
  constexpr int side = 30;
  std::vector<int> order(side * side);
  std::atomic<int> clock{0};
  std::vector<filch::node<void>> nodes;
  for (int i = 0; i < side * side; ++i) {
    nodes.push_back(g.add([&order, &clock, i] { order[static_cast<std::size_t>(i)] = ++clock; }));
    const auto at = static_cast<std::size_t>(i);
    if (i % side > 0) nodes[at - 1].precede(nodes[at]);
    if (i >= side) nodes[at].succeed(nodes[at - side]);
  }
  for (int round = 0; round < 20; ++round) {
    pool.run(g).get();
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i % side > 0) {
        ASSERT_LT(order[i - 1], order[i]);
      }
      if (i >= side) {
        ASSERT_LT(order[i - side], order[i]);
      }
    }
    ASSERT_EQ(clock.exchange(0), side * side);
  }
}

TEST_P(graph, runs_a_wide_graph_on_all_sides) {
  auto pool = make_pool();
  filch::graph g;
  const auto begin = g.add([] { return 1; });
  const auto sum = std::make_shared<std::atomic<int>>(0);
  const auto end = g.add([sum] { return sum->load(); });
  for (int i = 0; i < 5000; ++i) {
    const auto middle = g.add([sum](int x) { *sum += x; }, begin);
    middle.precede(end);
  }
  for (int round = 1; round <= 20; ++round) {
    EXPECT_EQ(pool.run(g).get(end), 5000 * round);
  }
}

TEST_P(graph, is_empty_and_ends_at_once) {
  auto pool = make_pool();
  const filch::graph g;
  auto run = pool.run(g);
  run.get();
  EXPECT_EQ(run.progress().total, 0U);
}

TEST_P(graph, takes_a_chain_of_a_million_without_deep_stacks) {
  auto pool = make_pool();
  filch::graph g;
  auto last = g.add([] { return 0; });
  for (int i = 1; i < 1'000'000; ++i) last = g.add([](int x) { return x + 1; }, last);
  EXPECT_EQ(pool.run(g).get(last), 999'999);
}

TEST_P(graph, can_be_run_within_a_job_and_waited_for_there) {
  auto pool = make_pool();
  filch::graph g;
  std::vector<filch::node<int>> ones;
  for (int i = 0; i < 100; ++i) ones.push_back(g.add([] { return 1; }));
  auto sum = g.add([] { return 0; });
  for (const auto& one : ones) sum = g.add([](int a, int b) { return a + b; }, sum, one);
  EXPECT_EQ(pool.submit([&] { return pool.run(g).get(sum); }).get(), 100);
}

TEST_P(graph, is_run_by_a_free_function_on_the_current_pool) {
  auto pool = make_pool();
  filch::graph g;
  const auto a = g.add([] { return 7; });
  EXPECT_EQ(pool.submit([&] { return filch::run_graph(g).get(a); }).get(), 7);
}

// ---- values -----------------------------------------------------------------------------------

TEST_P(graph, moves_a_result_to_its_only_user_that_takes_it_by_value) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  filch::graph g;
  const auto made = g.add([] { return std::make_unique<filch_test::counted>(5); });
  const auto used = g.add([](std::unique_ptr<filch_test::counted> p) { return p->value; }, made);
  auto run = pool.run(g);
  EXPECT_EQ(run.get(used), 5);
  EXPECT_THROW(run.get(made), filch::result_moved);
}

TEST_P(graph, copies_a_result_that_others_may_need) {
  auto pool = make_pool();
  filch::graph g;
  const auto append = [](std::string s) { return s += "!"; };
  const auto word = g.add([] { return std::string("a word that is not small at all"); });
  const auto first = g.add(append, word);
  const auto second = g.add(append, word);
  const auto kept = g.add([] { return std::string("kept"); }).keep();
  const auto third = g.add(append, kept);
  const auto fourth = g.add([](std::string&& s) { return std::move(s) + "?"; }, first).retry(1);
  auto run = pool.run(g);
  EXPECT_EQ(run.get(word), "a word that is not small at all");
  EXPECT_EQ(run.get(second), "a word that is not small at all!");
  EXPECT_EQ(run.get(first), "a word that is not small at all!");
  EXPECT_EQ(run.get(fourth), "a word that is not small at all!?");
  EXPECT_EQ(run.get(third), "kept!");
  EXPECT_EQ(run.get(kept), "kept");
}

TEST_P(graph, hands_results_out_for_good_only_once) {
  auto pool = make_pool();
  filch::graph g;
  const auto made = g.add([] { return std::make_unique<int>(3); });
  EXPECT_EQ(*pool.run(g).get(made), 3);
  auto run = pool.run(g);
  EXPECT_EQ(*run.get(made), 3);
  EXPECT_EQ(*run.take(made), 3);
  EXPECT_THROW(run.get(made), filch::result_moved);
  EXPECT_EQ(*pool.run(g).get(made), 3) << "a new run has new results";
}

struct immovable {
  explicit immovable(int v) : value(v) {}
  immovable(const immovable&) = delete;
  immovable& operator=(const immovable&) = delete;
  int value;
  std::string ballast = "so that it does not fit into the node";
};

TEST_P(graph, keeps_results_that_cannot_be_made_twice_or_moved) {
  auto pool = make_pool();
  filch::graph g;
  int mine = 1;
  const auto fixed = g.add([] { return immovable(8); });
  const auto same = g.add([&mine](const immovable&) -> int& { return mine; }, fixed);
  const auto twice = g.add([](int& x) { return x *= 2; }, same);
  auto run = pool.run(g);
  EXPECT_EQ(run.get(fixed).value, 8);
  EXPECT_EQ(&run.get(same), &mine);
  EXPECT_EQ(run.get(twice), 2);
  EXPECT_EQ(mine, 2);
}

struct alignas(64) wide {
  double values[8] = {};
};

TEST_P(graph, aligns_large_results) {
  auto pool = make_pool();
  filch::graph g;
  std::vector<filch::node<wide>> nodes;
  for (int i = 0; i < 10; ++i) {
    g.add([] { return 'x'; });
    nodes.push_back(g.add([] { return wide{}; }));
  }
  auto run = pool.run(g);
  for (const auto& n : nodes) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&run.get(n)) % 64, 0U);
  }
}

TEST_P(graph, destroys_every_result_and_callable_once) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  {
    filch::graph g;
    const auto a = g.add([held = filch_test::counted(1)] { return held; });
    const auto b = g.add([](const filch_test::counted& x) { return x; }, a);
    const auto c = g.add(
        [](const filch_test::counted&) -> filch_test::counted { throw std::domain_error("c"); }, b);
    g.add([](filch_test::counted x) { return x; }, c);
    for (int i = 0; i < 5; ++i) EXPECT_THROW(pool.run(g).get(), std::domain_error);
    auto run = pool.run(g);
    EXPECT_EQ(run.get(b).value, 1);
    EXPECT_THROW(run.get(c), std::domain_error);
  }
}

}  // namespace
