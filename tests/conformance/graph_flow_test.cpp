#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"

// Branches: choices and loops.

namespace {

using filch::node_state;

FILCH_CONFORMANCE(graph_flow);

TEST_P(graph_flow, goes_one_way_and_not_the_others) {
  auto pool = make_pool();
  filch::graph g;
  int which = 0;
  const auto value = g.add([] { return 10; });
  const auto decide = g.branch([&](int) { return which; }, value);
  std::vector<filch::node<int>> ways;
  for (int i = 0; i < 4; ++i) ways.push_back(g.add([i](int x) { return x + i; }, value));
  decide.to(ways[0], ways[1], ways[2], ways[3]);
  for (which = -1; which < 6; ++which) {
    auto run = pool.run(g);
    run.get();
    for (int i = 0; i < 4; ++i) {
      const auto& way = ways[static_cast<std::size_t>(i)];
      if (i == which) {
        EXPECT_EQ(run.get(way), 10 + i);
      } else {
        EXPECT_EQ(run.state(way), node_state::passed);
        EXPECT_THROW(run.get(way), filch::node_skipped);
      }
    }
    EXPECT_EQ(run.progress().skipped, which >= 0 && which < 4 ? 3U : 4U);
  }
}

TEST_P(graph_flow, takes_true_as_the_first_way) {
  auto pool = make_pool();
  filch::graph g;
  bool yes = true;
  const auto a = g.add([] { return 1; });
  const auto b = g.add([] { return 2; });
  g.branch([&] { return yes; }).to(a, b);
  EXPECT_EQ(pool.run(g).get(a), 1);
  yes = false;
  EXPECT_EQ(pool.run(g).get(b), 2);
}

TEST_P(graph_flow, goes_on_behind_a_choice_whichever_way_it_went) {
  auto pool = make_pool();
  filch::graph g;
  bool yes = true;
  std::atomic<int> sum{0};
  const auto a = g.add([&] { sum += 1; });
  const auto b = g.add([&] { sum += 10; });
  g.branch([&] { return yes; }).to(a, b);
  const auto merged = g.add([&] { sum += 100; }).succeed(a, b);
  const auto needs_b = g.add([](int) {}, g.add([] { return 1; }).succeed(b));
  auto run = pool.run(g);
  run.get();
  EXPECT_EQ(sum, 101);
  EXPECT_EQ(run.state(merged), node_state::done);
  EXPECT_EQ(run.state(needs_b), node_state::passed);
  yes = false;
  auto second = pool.run(g);
  second.get();
  EXPECT_EQ(sum, 211);
  EXPECT_EQ(second.state(needs_b), node_state::done);
}

TEST_P(graph_flow, nests_choices) {
  auto pool = make_pool();
  filch::graph g;
  int n = 0;
  const auto low = g.branch([&] { return n & 1; });
  const auto high = g.branch([&] { return (n >> 1) & 1; });
  const auto outer = g.branch([&] { return (n >> 2) & 1; }).to(low, high);
  std::vector<filch::node<int>> leaves;
  for (int i = 0; i < 4; ++i) leaves.push_back(g.add([i] { return i; }));
  low.to(leaves[0], leaves[1]);
  high.to(leaves[2], leaves[3]);
  for (n = 0; n < 8; ++n) {
    const int expected = n < 4 ? (n & 1) : 2 + ((n >> 1) & 1);
    auto run = pool.run(g);
    EXPECT_EQ(run.get(leaves[static_cast<std::size_t>(expected)]), expected);
    EXPECT_EQ(run.progress().skipped, 4U);
    EXPECT_EQ(run.state(outer), node_state::done);
  }
}

TEST_P(graph_flow, loops_until_the_branch_goes_on) {
  auto pool = make_pool();
  filch::graph g;
  int rounds = 0;
  const auto start = g.add([] { return 5; });
  const auto body = g.add([&](int from) { return from + ++rounds; }, start);
  const auto also = g.add([](int x) { return x * 2; }, body);
  const auto more = g.branch([](int x) { return x < 30; }, also);
  const auto report = g.add([](int x) { return std::to_string(x); }, body);
  more.to(body, report);
  for (int k = 0; k < 3; ++k) {
    rounds = 0;
    auto run = pool.run(g);
    EXPECT_EQ(run.get(report), "15");
    EXPECT_EQ(rounds, 10);
    EXPECT_EQ(run.progress().done, 5U);
    EXPECT_EQ(run.get(also), 30);
  }
}

TEST_P(graph_flow, loops_on_a_single_node) {
  auto pool = make_pool();
  filch::graph g;
  int n = 0;
  const auto self = g.branch([&n] { return ++n < 1000; });
  self.to(self);
  const auto after = g.add([&n] { return n; }).succeed(self);
  EXPECT_EQ(pool.run(g).get(after), 1000);
}

TEST_P(graph_flow, loops_within_loops_with_choices_inside) {
  auto pool = make_pool();
  filch::graph g;
  int outer = 0, inner = 0, odd = 0, even = 0, merges = 0;
  const auto begin_outer = g.add([&] {
    ++outer;
    inner = 0;
  });
  const auto begin_inner = g.add([&] { return ++inner; }).succeed(begin_outer);
  const auto parity = g.branch([](int x) { return x % 2; }, begin_inner);
  const auto on_even = g.add([&](int) { return ++even; }, begin_inner);
  const auto on_odd = g.add([&](int) { return ++odd; }, begin_inner);
  parity.to(on_even, on_odd);
  const auto merge = g.add([&] { ++merges; }).succeed(on_even, on_odd);
  const auto more_inner = g.branch([&] { return inner < 5; }).succeed(merge);
  const auto end_inner = g.add([&] { return inner; });
  more_inner.to(begin_inner, end_inner);
  const auto more_outer = g.branch([&](int) { return outer < 4; }, end_inner);
  const auto done = g.add([&] { return outer * 1000 + odd * 10 + even; });
  more_outer.to(begin_outer, done);
  auto run = pool.run(g);
  EXPECT_EQ(run.get(done), 4128);
  EXPECT_EQ(merges, 20);
  EXPECT_EQ(run.state(on_even), node_state::passed) << "in the last round";
  EXPECT_THROW(run.get(on_even), filch::node_skipped);
  EXPECT_EQ(run.get(on_odd), 12);
}

TEST_P(graph_flow, runs_a_wide_loop_in_rounds) {
  auto pool = make_pool();
  filch::graph g;
  std::vector<int> cells(200);
  int round = 0;
  const auto head = g.add([&] { ++round; });
  const auto more = g.branch([&] { return round < 30; });
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto step = g.add([&cells, &round, i] { cells[i] += round; }).succeed(head);
    step.precede(more);
  }
  more.to(head);
  pool.run(g).get();
  EXPECT_EQ(cells, std::vector<int>(200, 30 * 31 / 2));
}

TEST_P(graph_flow, gives_values_of_the_last_round_and_destroys_all) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  {
    filch::graph g;
    int n = 0;
    const auto made = g.add([&n] { return filch_test::counted(++n); });
    const auto more = g.branch([&n](const filch_test::counted&) { return n < 7; }, made);
    const auto rare = g.add([](const filch_test::counted& c) { return c; }, made);
    more.to(made, rare);
    auto run = pool.run(g);
    EXPECT_EQ(run.get(rare).value, 7);
  }
}

TEST_P(graph_flow, ends_when_something_in_the_loop_fails) {
  auto pool = make_pool();
  filch::graph g;
  int n = 0;
  const auto body = g.add([&n] {
    if (++n == 3) throw std::domain_error("third");
    return n;
  });
  const auto more = g.branch([](int) { return true; }, body);
  const auto after = g.add([] {});
  more.to(body, after);
  auto run = pool.run(g);
  EXPECT_THROW(run.get(), std::domain_error);
  EXPECT_EQ(n, 3);
  EXPECT_EQ(run.state(after), node_state::skipped);
  EXPECT_EQ(run.state(body), node_state::failed);
  EXPECT_EQ(run.progress().failed, 1U);
  EXPECT_EQ(run.progress().done, 0U);
}

TEST_P(graph_flow, ends_an_endless_loop_when_it_is_cancelled) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> n{0};
  const auto body = g.branch([&n] {
    ++n;
    return 0;
  });
  body.to(body);
  auto run = pool.run(g);
  std::thread stopper([&] {
    while (n < 100) std::this_thread::yield();
    run.cancel();
  });
  EXPECT_THROW(run.get(), filch::cancelled);
  stopper.join();
}

TEST_P(graph_flow, refuses_loops_that_would_overtake_themselves) {
  auto pool = make_pool();
  {
    filch::graph g;
    const auto head = g.add([] {}).name("head");
    const auto more = g.branch([] { return false; }).succeed(head).name("more");
    g.add([] {}).succeed(head).name("aside");
    more.to(head);
    try {
      pool.run(g);
      FAIL();
    } catch (const filch::invalid_graph& e) {
      EXPECT_NE(std::string(e.what()).find("'aside'"), std::string::npos) << e.what();
    }
  }
  {
    filch::graph g;
    const auto head = g.add([] {});
    const auto out = g.add([] {});
    const auto early = g.branch([] { return 0; }).succeed(head).name("early");
    const auto more = g.branch([] { return false; }).name("more");
    early.to(more, out);
    more.to(head);
    EXPECT_THROW(g.check(), filch::invalid_graph);
  }
  {
    filch::graph g;
    const auto made = g.add([] { return std::make_unique<int>(1); });
    const auto used = g.add([](std::unique_ptr<int>) {}, made).name("used");
    const auto more = g.branch([] { return false; }).succeed(used);
    more.to(used);
    try {
      g.check();
      FAIL();
    } catch (const filch::invalid_graph& e) {
      EXPECT_NE(std::string(e.what()).find("a loop may need it again"), std::string::npos);
    }
  }
}

}  // namespace
