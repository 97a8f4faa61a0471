#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch::node_state;

FILCH_CONFORMANCE(graph_errors);

TEST_P(graph_errors, skips_what_depends_on_a_failure_and_runs_the_rest) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> ran{0};
  const auto good = g.add([&] { return ++ran; });
  const auto bad = g.add([](int) -> int { throw std::domain_error("bad"); }, good).name("bad");
  const auto after = g.add([&](int) { return ++ran; }, bad);
  const auto later = g.add([&] { ++ran; }).succeed(after);
  const auto beside = g.add([&](int) { return ++ran; }, good);
  auto run = pool.run(g);
  EXPECT_THROW(run.get(), std::domain_error);
  EXPECT_THROW(run.get(bad), std::domain_error);
  EXPECT_THROW(run.get(after), std::domain_error);
  EXPECT_EQ(run.get(good), 1);
  EXPECT_EQ(run.get(beside), 2);
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(run.state(bad), node_state::failed);
  EXPECT_EQ(run.state(after), node_state::skipped);
  EXPECT_EQ(run.state(later), node_state::skipped);
  const auto p = run.progress();
  EXPECT_EQ(p.done, 2U);
  EXPECT_EQ(p.failed, 1U);
  EXPECT_EQ(p.skipped, 2U);
  EXPECT_EQ(p.total, 5U);
  EXPECT_EQ(p.running, 0U);
}

TEST_P(graph_errors, throws_the_failure_that_was_added_first) {
  auto pool = make_pool();
  filch::graph g;
  for (int i = 0; i < 50; ++i) {
    g.add([i] {
      if (i % 7 == 3) throw std::out_of_range(std::to_string(i));
    });
  }
  for (int round = 0; round < 20; ++round) {
    try {
      pool.run(g).get();
      FAIL();
    } catch (const std::out_of_range& e) {
      EXPECT_STREQ(e.what(), "3");
    }
  }
  try {
    pool.with({.errors = filch::errors::collect}).run(g).get();
    FAIL();
  } catch (const filch::errors_list& e) {
    ASSERT_EQ(e.errors().size(), 7U);
    EXPECT_EQ(e.errors()[2].index, 17U);
  }
}

TEST_P(graph_errors, stops_at_the_first_failure_if_asked_to) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> ran{0};
  const auto bad = g.add([] { throw std::domain_error("bad"); });
  auto last = g.add([&] { ++ran; });
  bad.precede(last);
  const bool two_at_once = concurrent() && workers() > 1;
  const auto beside = two_at_once ? g.add([] {
    while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
  })
                                  : g.add([] {}).succeed(bad);
  beside.precede(last);
  auto run = pool.with({.errors = filch::errors::first}).run(g);
  EXPECT_THROW(run.get(), std::domain_error);
  EXPECT_EQ(ran, 0);
}

TEST_P(graph_errors, reports_an_error_that_nobody_has_read) {
  filch_test::unhandled_errors errors;
  filch::graph g;
  {
    auto pool = make_pool({.on_unhandled = errors.handler()});
    g.add([] { throw std::domain_error("unread"); });
    pool.run(g).wait();
    pool.run(g);
    EXPECT_THROW(pool.run(g).get(), std::domain_error);
  }
  EXPECT_EQ(errors.count(), 2U);
}

TEST_P(graph_errors, is_cancelled_by_its_handle_and_by_a_token) {
  auto pool = make_pool();
  for (const bool by_token : {false, true}) {
    filch::graph g;
    std::atomic<bool> begun{false};
    std::atomic<int> ran{0};
    std::stop_source stop;
    auto last = g.add([&](std::stop_token token) {
      begun = true;
      while (!token.stop_requested()) std::this_thread::sleep_for(100us);
    });
    for (int i = 0; i < 100; ++i) last = g.add([&] { ++ran; }).succeed(last);
    auto run = pool.with({.stop = stop.get_token()}).run(g);
    std::thread stopper([&] {
      while (!begun) std::this_thread::sleep_for(100us);
      by_token ? (void)stop.request_stop() : run.cancel();
    });
    EXPECT_THROW(run.get(), filch::cancelled);
    stopper.join();
    EXPECT_EQ(ran, 0);
    EXPECT_EQ(run.state(last), node_state::skipped);
    EXPECT_EQ(run.progress().skipped, 100U);
    EXPECT_THROW(run.get(last), filch::cancelled);
  }
}

TEST_P(graph_errors, has_a_time_limit) {
  auto pool = make_pool();
  filch::graph g;
  auto slow = g.add([] {
    while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
  });
  g.add([] {}).succeed(slow);
  EXPECT_THROW(pool.with({.timeout = 5ms}).run(g).get(), filch::timed_out);
  EXPECT_THROW(pool.with({.timeout = -1ns}).run(g).get(), filch::timed_out);
}

TEST_P(graph_errors, names_the_nodes_that_wait_for_each_other) {
  auto pool = make_pool();
  filch::graph g;
  const auto a = g.add([] { return 1; }).name("a");
  const auto b = g.add([](int) {}, a).name("b");
  const auto c = g.add([] {}).name("c").succeed(b);
  g.add([] {}).name("d").succeed(c);
  c.precede(a);
  try {
    pool.run(g);
    FAIL();
  } catch (const filch::cyclic_graph& e) {
    const std::string text = e.what();
    EXPECT_TRUE(text.find("'a' -> 'b' -> 'c' -> 'a'") != std::string::npos ||
                text.find("'b' -> 'c' -> 'a' -> 'b'") != std::string::npos ||
                text.find("'c' -> 'a' -> 'b' -> 'c'") != std::string::npos)
        << text;
    EXPECT_EQ(text.find("'d'"), std::string::npos) << text;
  }
}

TEST_P(graph_errors, refuses_edges_to_other_graphs_and_empty_handles) {
  auto pool = make_pool();
  filch::graph g, other;
  const auto a = g.add([] { return 1; });
  const auto b = other.add([] { return 2; });
  EXPECT_THROW(a.precede(b), filch::foreign_node);
  EXPECT_THROW(a.succeed(b), filch::foreign_node);
  EXPECT_THROW(g.add([](int) {}, b), filch::foreign_node);
  EXPECT_THROW(a.precede(filch::node<int>()), filch::foreign_node);
  EXPECT_THROW(g.branch([] { return 0; }).to(b), filch::foreign_node);
  EXPECT_EQ(g.size(), 2U);
  auto run = pool.run(g);
  EXPECT_THROW(run.get(b), filch::foreign_node);
  EXPECT_EQ(run.get(a), 1);
  EXPECT_THROW(filch::graph_run().wait(), filch::no_result);
}

TEST_P(graph_errors, refuses_to_change_while_it_runs) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  filch::graph g;
  filch_test::gate open;
  const auto a = g.add([&] { open.wait(); });
  auto run = pool.run(g);
  EXPECT_THROW(g.add([] {}), filch::graph_busy);
  EXPECT_THROW(a.name("new"), filch::graph_busy);
  EXPECT_THROW(a.precede(a), filch::graph_busy);
  open.open();
  run.get();
  g.add([] {});
  pool.run(g).get();
}

TEST_P(graph_errors, tells_of_being_destroyed_while_it_runs) {
  FILCH_NEEDS_CONCURRENT();
  filch_test::unhandled_errors errors;
  const filch_test::no_leaks check;
  filch_test::gate open;
  {
    auto pool = make_pool({.on_unhandled = errors.handler()});
    filch::graph_run run;
    {
      filch::graph g;
      const auto a = g.add([&] { open.wait(); });
      g.add([held = filch_test::counted(1)] { return held; }).succeed(a);
      run = pool.run(g);
    }
    EXPECT_EQ(errors.count(), 1U);
    EXPECT_NE(errors.text(0).find("destroyed while it ran"), std::string::npos);
    open.open();
    run.get();
    EXPECT_EQ(run.progress().done, 2U);
  }
}

TEST_P(graph_errors, refuses_a_second_run_of_what_cannot_be_shared) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  filch::graph g;
  filch_test::gate open;
  g.add([&open, n = 0]() mutable {
     open.wait();
     return ++n;
   }).name("counter");
  auto run = pool.run(g);
  try {
    pool.run(g);
    FAIL();
  } catch (const filch::graph_busy& e) {
    EXPECT_NE(std::string(e.what()).find("'counter'"), std::string::npos);
  }
  open.open();
  run.get();
  pool.run(g).get();
}

TEST_P(graph_errors, refuses_a_closed_pool) {
  auto pool = make_pool();
  filch::graph g;
  g.add([] {});
  pool.close();
  EXPECT_THROW(pool.run(g), filch::pool_closed);
  auto second = make_pool();
  second.run(g).get();
}

TEST_P(graph_errors, ends_its_runs_when_the_pool_is_shut_down) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  filch::graph g;
  filch_test::gate begun;
  auto last = g.add([&] {
    begun.open();
    while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
  });
  for (int i = 0; i < 50; ++i) last = g.add([] {}).succeed(last);
  auto run = pool.run(g);
  begun.wait();
  EXPECT_TRUE(pool.shutdown_for(10s).finished);
  EXPECT_THROW(run.get(), filch::cancelled);
  EXPECT_EQ(run.progress().skipped, 50U);
}

TEST_P(graph_errors, refuses_to_wait_for_the_run_it_is_a_part_of) {
  auto pool = make_pool();
  filch::graph g;
  filch::graph_run run;
  std::atomic<bool> ready{false};
  g.add([&] {
    while (!ready) std::this_thread::yield();
    run.wait();
  });
  if (!concurrent()) ready = true;
  run = pool.run(g);
  ready = true;
  EXPECT_THROW(run.get(), filch::would_deadlock);
}

}  // namespace
