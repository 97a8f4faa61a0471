// Where workers run: pool_options::pin_workers.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>

#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/submit.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"

namespace {

using filch_test::eventually;

FILCH_CONFORMANCE(placement);

/// The CPUs that the calling thread may run on.
std::set<unsigned> allowed() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) {
    throw std::runtime_error("this machine has more CPUs than the test knows of");
  }
  std::set<unsigned> found;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) found.insert(cpu);
  }
  return found;
}

TEST_P(placement, a_pinned_worker_has_a_cpu_of_its_own) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool({.pin_workers = true});
  const auto everywhere = allowed();
  std::mutex lock;
  std::vector<std::set<unsigned>> seen;
  std::atomic<unsigned> inside{0};
  const unsigned crew = pool.stats().workers;
  std::vector<filch::future<void>> jobs;
  for (unsigned i = 0; i < crew; ++i) {
    jobs.push_back(pool.submit([&] {
      ++inside;
      EXPECT_TRUE(eventually([&] { return inside == crew; }));  // so each is on another worker
      std::lock_guard guard(lock);
      seen.push_back(allowed());
    }));
  }
  for (auto& job : jobs) job.wait_for(std::chrono::minutes(1));  // this thread runs none
  std::set<unsigned> used;
  for (const auto& cpus : seen) {
    ASSERT_EQ(cpus.size(), 1U);
    EXPECT_TRUE(everywhere.count(*cpus.begin()));
    used.insert(*cpus.begin());
  }
  EXPECT_EQ(used.size(), std::min<std::size_t>(crew, everywhere.size()));
}

TEST_P(placement, callers_and_io_threads_are_not_bound) {
  auto pool = make_pool({.pin_workers = true});
  const auto everywhere = allowed();
  const std::vector<int> items(1000, 1);
  pool.map([](int n) { return n; }, items);
  EXPECT_EQ(allowed(), everywhere);
  EXPECT_EQ(pool.with({.lane = filch::lane::io}).submit(allowed).get(), everywhere);
}

TEST_P(placement, a_pool_says_that_its_workers_are_bound) {
  EXPECT_EQ(make_pool().describe().find("bound"), std::string::npos);
  if (!concurrent()) return;  // there are none
  EXPECT_NE(make_pool({.pin_workers = true}).describe().find("bound to a CPU"), std::string::npos);
}

}  // namespace
