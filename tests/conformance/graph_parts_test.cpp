#include <atomic>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>
#include <filch/subgraph.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

// Graphs inside graphs: subgraphs made while running, and composed ones.

namespace {

using filch::node_state;

FILCH_CONFORMANCE(graph_parts);

TEST_P(graph_parts, runs_a_subgraph_before_what_follows_its_node) {
  auto pool = make_pool();
  filch::graph g;
  std::vector<int> parts(100);
  const auto size = g.add([] { return std::size_t{100}; });
  const auto fill = g.add(
      [&](filch::subgraph& s, std::size_t n) {
        const auto first = s.add([&parts] { parts[0] = 1; });
        for (std::size_t i = 1; i < n; ++i) s.add([&parts, i] { parts[i] = 1; }).succeed(first);
        return static_cast<int>(n);
      },
      size);
  const auto sum =
      g.add([&](int n) { return n + std::accumulate(parts.begin(), parts.end(), 0); }, fill);
  for (int i = 0; i < 20; ++i) {
    parts.assign(100, 0);
    EXPECT_EQ(pool.run(g).get(sum), 200);
  }
}

TEST_P(graph_parts, nests_subgraphs_deeply) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  std::atomic<int> leaves{0};
  struct tree {
    std::atomic<int>& leaves;
    int depth;
    filch_test::counted held = filch_test::counted(1);
    void operator()(filch::subgraph& s) const {
      if (depth == 0) {
        ++leaves;
        return;
      }
      s.add(tree{leaves, depth - 1});
      s.add(tree{leaves, depth - 1});
    }
  };
  {
    filch::graph g;
    g.add(tree{leaves, 9});
    pool.run(g).get();
  }
  EXPECT_EQ(leaves, 512);
  struct chain {
    std::atomic<int>& leaves;
    int depth;
    void operator()(filch::subgraph& s) const {
      ++leaves;
      if (depth > 0) s.add(chain{leaves, depth - 1});
    }
  };
  filch::graph deep;
  deep.add(chain{leaves, 5000});
  pool.run(deep).get();
  EXPECT_EQ(leaves, 512 + 5001);
}

TEST_P(graph_parts, fails_with_its_subgraph) {
  auto pool = make_pool();
  filch::graph g;
  const auto bad = g.add([](filch::subgraph& s) {
    s.add([] { throw std::domain_error("inside"); });
    return 5;
  });
  const auto after = g.add([](int) {}, bad);
  auto run = pool.run(g);
  EXPECT_THROW(run.get(), std::domain_error);
  EXPECT_EQ(run.state(bad), node_state::failed);
  EXPECT_EQ(run.state(after), node_state::skipped);
}

TEST_P(graph_parts, tries_a_subgraph_again) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> tries{0};
  const auto flaky = g.add([&](filch::subgraph& s) {
                        s.add([&] {
                          if (++tries < 3) throw std::domain_error("inside");
                        });
                        return 5;
                      }).retry(4);
  EXPECT_EQ(pool.run(g).get(flaky), 5);
  EXPECT_EQ(tries, 3);
}

TEST_P(graph_parts, detaches_subgraphs_and_waits_for_them_at_the_end) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> ran{0};
  std::atomic<bool> released{false};
  const auto spawner = g.add([&](filch::subgraph& s) {
    s.add([&] {
      if (concurrent() && workers() > 1) {
        EXPECT_TRUE(filch_test::eventually([&] { return released.load(); }));
      }
      ++ran;
    });
    s.detach();
  });
  const auto after = g.add([&] { released = true; }).succeed(spawner);
  auto run = pool.run(g);
  run.get();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(run.state(after), node_state::done);
  filch::graph bad;
  const auto done = bad.add([](filch::subgraph& s) {
    s.add([] { throw std::domain_error("aside"); });
    s.detach();
    return 1;
  });
  auto second = pool.run(bad);
  EXPECT_THROW(second.get(), std::domain_error);
  EXPECT_EQ(second.get(done), 1);
}

TEST_P(graph_parts, joins_a_subgraph_for_its_results) {
  auto pool = make_pool();
  filch::graph g;
  const auto total = g.add([](filch::subgraph& s) {
    std::vector<filch::node<int>> parts;
    for (int i = 0; i < 50; ++i) parts.push_back(s.add([i] { return i; }));
    auto run = s.join();
    int sum = 0;
    for (const auto& p : parts) sum += run.get(p);
    return sum;
  });
  EXPECT_EQ(pool.run(g).get(total), 1225);
}

TEST_P(graph_parts, composes_the_same_graph_twice) {
  const filch_test::no_leaks check;
  auto pool = make_pool();
  filch::graph inner;
  std::atomic<int> runs{0};
  const auto made = inner.add([&] { return filch_test::move_only(++runs); });
  inner.add([](const filch_test::move_only&) {}, made);
  filch::graph g;
  const auto first = g.compose(inner, made);
  const auto second = g.compose(inner, made);
  const auto third = g.compose(inner).succeed(first, second);
  const auto sum = g.add(
      [](const filch_test::move_only& a, filch_test::move_only b) { return a.value + b.value; },
      first, second);
  third.precede(sum);
  for (int i = 0; i < 10; ++i) {
    runs = 0;
    auto run = pool.run(g);
    EXPECT_EQ(run.get(sum), 3);
    EXPECT_EQ(runs, 3);
    EXPECT_THROW(run.get(second), filch::result_moved);
  }
}

TEST_P(graph_parts, fails_with_the_graph_it_is_composed_of) {
  auto pool = make_pool();
  filch::graph inner;
  inner.add([] { throw std::domain_error("inner"); });
  const auto skipped = inner.add([] { return 3; });
  inner.branch([] { return 1; }).to(skipped);
  filch::graph g;
  const auto part = g.compose(inner).name("part");
  auto run = pool.run(g);
  EXPECT_THROW(run.get(), std::domain_error);
  EXPECT_EQ(run.state(part), node_state::failed);

  filch::graph choosy;
  const auto never = choosy.add([] { return 3; });
  choosy.branch([] { return 1; }).to(never);
  filch::graph outer;
  outer.compose(choosy, never);
  EXPECT_THROW(pool.run(outer).get(), filch::node_skipped);
}

TEST_P(graph_parts, loops_over_a_composed_graph) {
  auto pool = make_pool();
  filch::graph inner;
  int n = 0;
  auto last = inner.add([&n] { ++n; });
  for (int i = 0; i < 3; ++i) last = inner.add([&n] { ++n; }).succeed(last);
  filch::graph g;
  const auto body = g.compose(inner);
  g.branch([&n](auto&&...) { return n < 2000; }).succeed(body).to(body);
  pool.run(g).get();
  EXPECT_EQ(n, 2000);
}

TEST_P(graph_parts, refuses_to_contain_itself) {
  filch::graph a, b, c;
  EXPECT_THROW(a.compose(a), filch::cyclic_graph);
  a.compose(b);
  b.compose(c);
  EXPECT_THROW(c.compose(a), filch::cyclic_graph);
  EXPECT_EQ(c.size(), 0U);
}

TEST_P(graph_parts, refuses_to_run_a_composed_graph_twice_at_once_if_it_cannot_be_shared) {
  auto pool = make_pool();
  filch::graph inner;
  inner.add([n = 0]() mutable { return ++n; });
  filch::graph g;
  const auto first = g.compose(inner);
  g.compose(inner).succeed(first);
  pool.run(g).get();
  if (!concurrent()) return;
  filch_test::gate open;
  filch::graph blocked;
  blocked.add([&open, n = 0]() mutable {
    open.wait();
    return ++n;
  });
  filch::graph h;
  h.compose(blocked);
  auto run = pool.run(blocked);
  EXPECT_TRUE(open.wait_for_visitors(1));
  auto refused = pool.run(h);
  if (workers() > 1) {
    EXPECT_THROW(refused.get(), filch::graph_busy);
  }
  open.open();
  run.get();
  refused.wait();
  EXPECT_TRUE(refused.ready());
  if (workers() == 1) refused.cancel();
  try {
    refused.get();
  } catch (const filch::graph_busy&) {
  }
}

TEST_P(graph_parts, is_cancelled_with_all_its_parts) {
  auto pool = make_pool();
  filch::graph inner;
  std::atomic<bool> begun{false};
  std::atomic<int> ran{0};
  const auto slow = inner.add([&] {
    begun = true;
    while (!filch::this_job::stop_requested()) std::this_thread::yield();
  });
  inner.add([&] { ++ran; }).succeed(slow);
  filch::graph g;
  const auto part = g.compose(inner);
  g.add([&] { ++ran; }).succeed(part);
  auto run = pool.run(g);
  std::thread stopper([&] {
    while (!begun) std::this_thread::yield();
    run.cancel();
  });
  EXPECT_THROW(run.get(), filch::cancelled);
  stopper.join();
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(run.state(part), node_state::skipped);
}

}  // namespace
