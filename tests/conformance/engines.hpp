#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <filch/engine.hpp>
#include <filch/filch.hpp>

#include <gtest/gtest.h>

#include "support/watchdog.hpp"

/// \file
/// The one harness under which every promise is tested on every engine:
///
///     namespace {
///     FILCH_CONFORMANCE(submit);
///     TEST_P(submit, runs_a_job_once) {
///       auto pool = make_pool();
///       ...
///     }
///     }  // namespace

namespace filch_test {

/// One engine and how many workers it is asked for (0 on serial).
struct engine_case {
  std::string engine;
  unsigned workers = 0;
  /// "native_3", "serial".
  std::string name() const;
};

/// serial, native with 1, 2, 3 and 8 workers, and tbb with as many where it is built in.
std::vector<engine_case> engine_cases();

/// The pools a test has, for the watchdog. Threads: any.
class known_pools {
 public:
  using place = std::list<const filch::pool*>::iterator;
  place add(const filch::pool* pool);
  void remove(place where);
  /// Prints describe() and stats() of each to stderr.
  void dump();

 private:
  std::mutex mutex_;
  std::list<const filch::pool*> pools_;
};

namespace detail {
/// A base that outlives the pool beside it, so that a hang in ~pool is reported, too.
class known_place {
 public:
  explicit known_place(std::shared_ptr<known_pools> known) : known_(std::move(known)) {}
  known_place(const known_place&) = delete;
  known_place& operator=(const known_place&) = delete;

 protected:
  ~known_place() {
    if (announced_) known_->remove(place_);
  }
  void announce(const filch::pool* pool) {
    place_ = known_->add(pool);
    announced_ = true;
  }

 private:
  const std::shared_ptr<known_pools> known_;
  known_pools::place place_;
  bool announced_ = false;  // not if the pool's constructor throws
};
}  // namespace detail

/// A pool that the watchdog knows; otherwise as `filch::pool`.
class test_pool : private detail::known_place, public filch::pool {
 public:
  test_pool(std::shared_ptr<known_pools> known, std::unique_ptr<filch::engine> engine,
            filch::pool_options options)
      : known_place(std::move(known)), filch::pool(std::move(engine), std::move(options)) {
    announce(this);
  }
};

/// The fixture of all conformance tests.
class conformance : public testing::TestWithParam<engine_case> {
 public:
  /// How many cpu workers the pools of this run are asked for; 0 on serial.
  static unsigned workers() { return GetParam().workers; }
  /// False where no two cpu jobs can run at once because only waiters run jobs.
  static bool concurrent() { return GetParam().engine != "serial"; }
  /// How many jobs can run at once on lane::cpu: the workers, at least one.
  static unsigned width() { return workers() == 0 ? 1 : workers(); }

  static std::unique_ptr<filch::engine> make_engine();
  /// A pool on the engine of this run.
  test_pool make_pool(filch::pool_options options = {});
  /// A pool on an engine of this run's kind with another number of workers (ignored on serial).
  test_pool make_pool_of(unsigned workers, filch::pool_options options = {});
  /// As `make_pool`, on the heap, for tests that destroy it in odd places.
  std::unique_ptr<test_pool> make_heap_pool(filch::pool_options options = {});

 protected:
  void SetUp() override;
  void TearDown() override;
  /// For tests that need longer than the usual 30 s (times the slowdown of sanitizers).
  void allow(std::chrono::seconds deadline);

 private:
  // Shared: a pool destroyed in its own job may outlive the test.
  std::shared_ptr<known_pools> known_ = std::make_shared<known_pools>();
  std::unique_ptr<watchdog> watchdog_;
};

/// Notes that the running test is skipped on this engine because it needs two cpu jobs at once.
/// main() prints the list, and fails if a test was skipped in any other way.
void note_skipped_concurrent();
/// The tests noted so far.
const std::vector<std::string>& skipped_concurrent();
/// Forgets them: a new round of all tests begins (`--gtest_repeat`).
void forget_skipped_concurrent();

}  // namespace filch_test

/// First statement of a test that needs two cpu jobs to run at the same time.
#define FILCH_NEEDS_CONCURRENT()                    \
  do {                                              \
    if (!concurrent()) {                            \
      ::filch_test::note_skipped_concurrent();      \
      GTEST_SKIP() << "needs two cpu jobs at once"; \
    }                                               \
  } while (false)

/// Declares the fixture `suite` and runs its tests on every engine.
#define FILCH_CONFORMANCE(suite)                                                                \
  class suite : public ::filch_test::conformance {};                                            \
  INSTANTIATE_TEST_SUITE_P(conformance, suite, testing::ValuesIn(::filch_test::engine_cases()), \
                           [](const auto& run) { return run.param.name(); })
