// Jobs by every road into a pool, several roads at once: each ran exactly once, or was reported
// cancelled exactly once, and nothing that belonged to a job is left.
//   FILCH_STRESS_JOBS=1e9   so many jobs, in rounds, with a line for each minute
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "ledger.hpp"
#include "roads.hpp"
#include "support/belonging.hpp"
#include "support/seeded.hpp"
#include "support/watchdog.hpp"

namespace {

using filch_test::page;
using filch_test::road;
using filch_test::unit;
using std::chrono::steady_clock;

/// How many jobs the run is to have.
double wanted_jobs() {
  const char* text = std::getenv("FILCH_STRESS_JOBS");
  return text ? std::strtod(text, nullptr) : 1e6 / filch_test::slowdown();
}

/// One road of a round and its part of the page.
struct trip {
  const road* which;
  std::size_t from, jobs;
  bool inside;  // the road begins in a job of the pool
};

/// How many jobs of each kind a run has had.
struct totals {
  double submitted = 0, halves = 0, bodies = 0, cancelled = 0;
  double all() const { return submitted + halves + bodies; }
  void add(const trip& t) {
    auto& sum = t.which->counts == unit::submitted ? submitted
                : t.which->counts == unit::half    ? halves
                                                   : bodies;
    sum += static_cast<double>(t.jobs);
  }
  void tell(double seconds) const {
    std::printf(
        "[  LEDGER  ] %.3g jobs in %.0f s, %.3g a second: %.3g submitted (%.2g of them cancelled), "
        "%.3g leaves of forks, %.3g bodies of loops\n",
        all(), seconds, all() / seconds, submitted, cancelled, halves, bodies);
    std::fflush(stdout);
  }
};

/// Every road once, in random order, some of them from inside.
std::vector<trip> plan(std::size_t size, std::mt19937_64& random) {
  std::vector<trip> trips;
  double shares = 0;
  for (const auto& r : filch_test::roads()) shares += 1.0 / static_cast<double>(r.rarer);
  std::size_t at = 0;
  for (const auto& r : filch_test::roads()) {
    const double share = 1.0 / static_cast<double>(r.rarer) / shares;
    const auto jobs = std::max(std::size_t{1},
                               static_cast<std::size_t>(share * static_cast<double>(size) * 0.999));
    trips.push_back({&r, at, jobs, !r.outside_only && random() % 3 == 0});
    at += jobs;
  }
  std::ranges::shuffle(trips, random);
  return trips;
}

void drive(const filch::pool& pool, const trip& t, page& book) {
  const auto mine = book.part(t.from, t.jobs);
  if (t.inside) {
    pool.submit([&] { t.which->run(pool, mine); }).get();
  } else {
    t.which->run(pool, mine);
  }
}

/// The plan's trips on one pool, by three callers at once.
void run_round(const std::vector<trip>& trips, unsigned workers, page& book) {
  filch::pool pool(workers);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      for (std::size_t k = next++; k < trips.size(); k = next++) drive(pool, trips[k], book);
    });
  }
  for (auto& caller : callers) caller.join();
}

::testing::AssertionResult is_right(const std::vector<trip>& trips, const page& book,
                                    std::size_t used) {
  const std::size_t at = book.first_wrong();
  if (at < used) {
    const auto which = std::ranges::find_if(
        trips, [at](const trip& t) { return t.from <= at && at < t.from + t.jobs; });
    return ::testing::AssertionFailure()
           << "job " << at - which->from << " of " << which->jobs << " by the road '"
           << which->which->name << "'" << (which->inside ? " from inside" : "") << ": its cell is "
           << book.value(at) << " (1: ran once, 16: cancelled once)";
  }
  if (filch_test::belonging::alive() != 0) {
    return ::testing::AssertionFailure()
           << filch_test::belonging::alive() << " belongings of jobs are left";
  }
  return ::testing::AssertionSuccess();
}

TEST(stress_ledger, every_job_by_every_road_runs_exactly_once) {
  const double wanted = wanted_jobs();
  const std::size_t size = static_cast<std::size_t>(std::clamp(wanted / 8, 1e4, 1e6));
  constexpr unsigned widths[] = {2, 1, 8, 3};
  auto random = filch_test::seeded();
  page book(size);
  totals sums;
  const auto begin = steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
  };
  double told = 0;
  for (unsigned round = 0; sums.all() < wanted; ++round) {
    const filch_test::watchdog guard({}, std::chrono::seconds(60));
    const auto trips = plan(size, random);
    std::size_t used = 0;
    for (const auto& t : trips) {
      sums.add(t);
      used += t.jobs;
    }
    run_round(trips, widths[round % std::size(widths)], book);
    ASSERT_TRUE(is_right(trips, book, used)) << "in round " << round;
    sums.cancelled += static_cast<double>(book.excused());
    book.clear();
    if (seconds() - told >= 60) sums.tell(told = seconds());
  }
  sums.tell(seconds());
  EXPECT_GT(sums.cancelled, 0) << "no job was cancelled before it ran: the road proves nothing";
}

}  // namespace
