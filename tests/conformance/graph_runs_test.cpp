#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/failing_new.hpp"

namespace {

using namespace std::chrono_literals;
using filch::node_state;

FILCH_CONFORMANCE(graph_runs);

TEST_P(graph_runs, runs_several_times_at_once) {
  auto pool = make_pool();
  filch::graph g;
  const auto a = g.add([] { return std::vector<int>(100, 1); });
  const auto b = g.add([](const std::vector<int>& v) { return v.size(); }, a);
  const auto c =
      g.add([](const std::vector<int>& v) { return std::accumulate(v.begin(), v.end(), 0); }, a);
  const auto d = g.add([](std::size_t n, int s) { return static_cast<int>(n) + s; }, b, c);
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) EXPECT_EQ(pool.run(g).get(d), 200);
    });
  }
  for (auto& t : callers) t.join();
  std::vector<filch::graph_run> runs;
  for (int i = 0; i < 10; ++i) runs.push_back(pool.run(g));
  for (auto& run : runs) EXPECT_EQ(run.get(d), 200);
}

TEST_P(graph_runs, runs_again_and_again) {
  auto pool = make_pool();
  filch::graph g;
  int n = 0;
  const auto a = g.add([&n] { return ++n; });
  EXPECT_EQ(pool.run_n(g, 10).get(a), 10);
  auto until = pool.run_until(g, [&n] { return n >= 25; });
  EXPECT_EQ(until.get(a), 25);
  auto none = pool.run_n(g, 0);
  none.get();
  EXPECT_EQ(none.state(a), node_state::waiting);
  EXPECT_THROW(none.get(a), filch::node_skipped);
  g.add([] { throw std::domain_error("once"); }).succeed(a);
  EXPECT_THROW(pool.run_n(g, 10).get(), std::domain_error);
  EXPECT_EQ(n, 26);
}

TEST_P(graph_runs, calls_back_when_it_has_ended) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> calls{0};
  g.add([] { std::this_thread::sleep_for(1ms); });
  {
    auto run = pool.run(g);
    run.on_done([&] { ++calls; }).on_done([&] { ++calls; });
    run.wait();
    EXPECT_TRUE(filch_test::eventually([&] { return calls == 2; }));
    run.on_done([&] { ++calls; });
    EXPECT_EQ(calls, 3);
  }
  for (int i = 0; i < 20; ++i) {
    auto run = pool.run(g);
    run.on_done([&, moved = std::make_shared<int>(1)] { calls += *moved; });
    if (!concurrent()) run.wait();
  }
  EXPECT_TRUE(filch_test::eventually([&] { return calls == 23; }));
}

TEST_P(graph_runs, tells_how_far_it_has_come) {
  auto pool = make_pool();
  filch::graph g;
  auto last = g.add([] {});
  for (int i = 0; i < 9; ++i) last = g.add([] {}).succeed(last);
  std::vector<std::size_t> done;
  pool.with({.on_progress =
                 [&](const filch::progress& p) {
                   done.push_back(p.done);
                   EXPECT_EQ(p.total, 10U);
                 }})
      .run(g)
      .get();
  ASSERT_EQ(done.size(), 10U);
  EXPECT_EQ(done.back(), 10U);
}

TEST_P(graph_runs, names_its_nodes_to_themselves) {
  auto pool = make_pool();
  filch::graph g;
  const auto name = [] { return std::string(filch::this_job::name()); };
  const auto plain = g.add(name);
  const auto named = g.add(name).name("load");
  auto run = pool.with({.name = "render"}).run(g);
  EXPECT_EQ(run.get(plain), "render");
  EXPECT_EQ(run.get(named), "load");
}

TEST_P(graph_runs, runs_blocking_nodes_on_the_io_lane) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> met{0};
  const auto lane = [] { return filch::this_job::lane(); };
  const auto begin = g.add(lane).lane(filch::lane::io);
  std::vector<filch::node<bool>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(g.add(
                       [&met](filch::lane) {
                         ++met;
                         return filch_test::eventually([&met] { return met == 20; });
                       },
                       begin)
                      .lane(filch::lane::io));
  }
  const auto end = g.add(lane);
  for (const auto& n : all) end.succeed(n);
  auto run = pool.run(g);
  EXPECT_EQ(run.get(begin), filch::lane::io);
  EXPECT_EQ(run.get(end), filch::lane::cpu);
  for (const auto& n : all) EXPECT_TRUE(run.get(n));
}

TEST_P(graph_runs, tries_again) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<int> tries{0};
  const auto flaky = g.add([&] {
                        if (++tries % 4 != 0) throw std::domain_error("not yet");
                        return tries.load();
                      }).retry(3);
  EXPECT_EQ(pool.run(g).get(flaky), 4);
  EXPECT_EQ(pool.run(g).get(flaky), 8);
  flaky.retry(2, 1ms).lane(filch::lane::io);
  EXPECT_THROW(pool.run(g).get(), std::domain_error);
  EXPECT_EQ(tries, 11);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(pool.run(g).get(flaky), 12);
  EXPECT_THROW(pool.run(g).get(flaky), std::domain_error);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 3ms);
}

TEST_P(graph_runs, does_not_wait_for_the_next_try_when_it_is_stopped) {
  auto pool = make_pool();
  filch::graph g;
  std::atomic<bool> tried{false};
  g.add([&] {
     tried = true;
     throw std::domain_error("never");
   }).retry(5, 1h);
  auto run = pool.run(g);
  std::thread stopper([&] {
    while (!tried) std::this_thread::sleep_for(100us);
    std::this_thread::sleep_for(1ms);
    run.cancel();
  });
  EXPECT_ANY_THROW(run.get()) << "cancelled, or the error if the stop came before the pause";
  stopper.join();
}

/// Has each worker in a job at the same time.
void all_workers_come(filch::pool& pool, unsigned workers) {
  std::atomic<unsigned> inside{0};
  std::vector<filch::future<void>> jobs;
  for (unsigned i = 0; i < workers; ++i) {
    jobs.push_back(pool.submit([&] {
      ++inside;
      EXPECT_TRUE(filch_test::eventually([&] { return inside == workers; }));
    }));
  }
  for (auto& job : jobs) job.wait_for(std::chrono::minutes(1));  // this thread runs none
}

TEST_P(graph_runs, allocates_nothing_on_its_second_run) {
  // A thread that stands in for a worker would be an allocation, too.
  auto pool = make_pool({.max_threads = std::max(1U, workers()), .notice_blocking = false});
  filch::graph g;
  auto last = g.add([] { return 1U; });
  for (int i = 0; i < 100; ++i) {
    const auto left = g.add([](unsigned x) { return x; }, last);
    const auto right = g.add([](unsigned x) { return std::array<unsigned, 20>{x}; }, last);
    last =
        g.add([](unsigned x, const std::array<unsigned, 20>& y) { return x + y[0]; }, left, right);
  }
  const auto more = g.branch([n = 0](unsigned) mutable { return ++n % 5 != 0; }, last);
  more.to(last);
  pool.for_index(0, 100, [](int) {});  // the pool's place for a caller that helps is made once
  all_workers_come(pool, workers());   // as are those of the workers
  pool.run(g).get();
  unsigned allocated = 0;
  for (int i = 0; i < 200; ++i) {
    const filch_test::fail_one_new none(0);
    auto run = pool.run(g);
    run.get();
    allocated += filch_test::fail_one_new::refused() ? 1U : 0U;
  }
  // Threads that are interrupted at the end of many runs can leave the next one without any of the
  // jobs made beforehand.
  EXPECT_LE(allocated, 1U);
}

}  // namespace
