#include <atomic>
#include <functional>
#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>
#include <filch/scope.hpp>
#include <filch/worker_local.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

namespace {

FILCH_CONFORMANCE(worker_local);

TEST_P(worker_local, adds_up_what_all_workers_have_done) {
  auto pool = make_pool();
  filch::worker_local<long> sums;
  pool.for_each(filch::range(10'000), [&](int x) { sums.local() += x; });
  EXPECT_EQ(sums.combine(std::plus<>{}), 49'995'000);
  EXPECT_LE(sums.size(), std::size_t{width()} + 1) << "workers, and the caller";
}

TEST_P(worker_local, serves_jobs_on_io_threads) {
  auto pool = make_pool();
  filch::worker_local<int> counts;
  pool.with({.lane = filch::lane::io}).for_each(filch::range(50), [&](int) { ++counts.local(); });
  EXPECT_EQ(counts.combine(std::plus<>{}), 50);
}

TEST_P(worker_local, is_shared_by_a_job_and_the_jobs_it_runs_while_it_waits) {
  auto pool = make_pool_of(1);
  filch::worker_local<int> counts;
  pool.scope([&](auto& s) {
    for (int i = 0; i < 20; ++i) {
      s.spawn([&] {
        pool.scope([&](auto& inner) { inner.spawn([&] { ++counts.local(); }); });
        ++counts.local();
      });
    }
  });
  EXPECT_EQ(counts.combine(std::plus<>{}), 40);
}

TEST_P(worker_local, may_be_used_again_for_the_next_call) {
  auto pool = make_pool();
  filch::worker_local<int> counts;
  for (int round = 0; round < 20; ++round) {
    pool.for_each(filch::range(100), [&](int) { ++counts.local(); });
    EXPECT_EQ(counts.combine(std::plus<>{}), 100);
    counts.clear();
  }
}

}  // namespace
