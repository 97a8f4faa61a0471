#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>
#include <filch/subgraph.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engines.hpp"

// What people look at: drawings, times, traces.

namespace {

using namespace std::chrono_literals;

FILCH_CONFORMANCE(graph_report);

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string new_path() {
  static int n = 0;
  return (std::filesystem::temp_directory_path() /
          ("filch_graph_" + std::to_string(::getpid()) + "_" + std::to_string(++n) + ".json"))
      .string();
}
std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST_P(graph_report, draws_nodes_edges_and_ways) {
  filch::graph g;
  const auto a = g.add([] { return 1; }).name("load \"a\"");
  const auto b = g.add([](int) {}, a);
  const auto c = g.branch([] { return 0; }).succeed(b);
  c.to(a);
  std::ostringstream out;
  g.dot(out);
  EXPECT_EQ(out.str(),
            "digraph filch {\n  node [shape=box];\n"
            "  n0 [label=\"load \\\"a\\\"\"];\n"
            "  n1 [label=\"1\"];\n"
            "  n2 [label=\"2\", shape=diamond];\n"
            "  n0 -> n1;\n"
            "  n1 -> n2 [arrowhead=empty];\n"
            "  n2 -> n0 [style=dashed, label=\"0\"];\n"
            "}\n");
}

TEST_P(graph_report, draws_what_became_of_a_run) {
  auto pool = make_pool();
  filch::graph g;
  const auto slow = g.add([] { std::this_thread::sleep_for(12ms); }).name("slow");
  g.add([] { throw std::domain_error("x"); }).succeed(slow).name("bad").precede(g.add([] {
                                                                                 }).name("never"));
  std::ostringstream plain, timed;
  auto run = pool.run(g);
  run.dot(plain);
  EXPECT_THROW(run.get(), std::domain_error);
  EXPECT_TRUE(contains(plain.str(), "n0 [label=\"slow\", style=filled, fillcolor=palegreen]"))
      << plain.str();
  EXPECT_TRUE(contains(plain.str(), "n1 [label=\"bad\", style=filled, fillcolor=salmon]"));
  EXPECT_TRUE(contains(plain.str(), "n2 [label=\"never\", style=filled, fillcolor=lightgray]"));
  auto second = pool.with({.trace = true}).run(g);
  second.dot(timed);
  EXPECT_THROW(second.get(), std::domain_error);
  EXPECT_TRUE(contains(timed.str(), "n0 [label=\"slow\\n1")) << timed.str();
  EXPECT_TRUE(contains(timed.str(), " ms, ")) << timed.str();
}

TEST_P(graph_report, knows_work_span_and_parallelism) {
  auto pool = make_pool();
  filch::graph g;
  const auto nap = [] { std::this_thread::sleep_for(4ms); };
  const auto first = g.add(nap);
  const auto last = g.add(nap);
  for (int i = 0; i < 4; ++i) g.add(nap).succeed(first).precede(last);
  const auto t = pool.with({.trace = true}).run(g).timing();
  EXPECT_GE(t.work, 24ms);
  EXPECT_GE(t.span, 12ms);
  EXPECT_LT(t.span, t.work);
  EXPECT_GE(t.wall, t.span);
  EXPECT_GT(t.parallelism(), 1.0);
  EXPECT_LT(t.parallelism(), 2.5);
  EXPECT_TRUE(contains(t.describe(), "this graph cannot be faster than")) << t.describe();
  EXPECT_THROW(pool.run(g).timing(), filch::not_traced);
}

TEST_P(graph_report, adds_rounds_of_loops_and_subgraphs_up) {
  auto pool = make_pool();
  filch::graph g;
  int n = 0;
  const auto body = g.add([](filch::subgraph& s) {
    for (int i = 0; i < 2; ++i) s.add([] { std::this_thread::sleep_for(2ms); });
  });
  g.branch([&n] { return ++n < 3; }).succeed(body).to(body);
  const auto t = pool.with({.trace = true}).run(g).timing();
  EXPECT_GE(t.work, 12ms);
  EXPECT_GE(t.span, 6ms);
  EXPECT_LT(t.span, t.work);
}

TEST_P(graph_report, writes_a_trace_once) {
  auto pool = make_pool();
  filch::graph g;
  const auto a = g.add([] { return 1; }).name("a <b> \"c\"\n");
  g.add([](filch::subgraph& s, int) { s.add([] {}).name("inside"); }, a).name("outside");
  g.add([] {}).lane(filch::lane::io).name("waits");
  auto run = pool.with({.trace = true}).run(g);
  const auto path = new_path();
  run.trace(path);
  const auto text = text_of(path);
  EXPECT_TRUE(contains(text, "\"traceEvents\":[")) << text;
  EXPECT_TRUE(contains(text, "\"name\":\"a \\u003cb\\u003e \\u0022c\\u0022\\u000a\"")) << text;
  EXPECT_TRUE(contains(text, "\"name\":\"inside\"")) << text;
  EXPECT_TRUE(contains(text, "\"name\":\"io ")) << text;
  EXPECT_THROW(run.trace(path), filch::file_error);
  EXPECT_EQ(text_of(path), text) << "what is there stays";
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::remove(path);
  EXPECT_THROW(run.trace("/no/such/folder/trace.json"), filch::file_error);
  EXPECT_THROW(pool.run(g).trace(path), filch::not_traced);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
