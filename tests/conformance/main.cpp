#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include <filch/select.hpp>

#include "engines.hpp"
#include "support/sanitizer.hpp"
#include "support/seeded.hpp"

namespace {

/// A run that tests nothing must not pass: FILCH_TEST_LEAST says how many tests the caller knows
/// to be there.
bool enough_ran(const testing::UnitTest& all) {
  const char* given = std::getenv("FILCH_TEST_LEAST");
  const int least = given ? std::atoi(given) : 1;
  const int ran = all.successful_test_count() + all.failed_test_count();
  if (ran >= least || testing::GTEST_FLAG(list_tests)) return true;
  std::printf("[  FAILED  ] only %d tests ran, %d are expected\n", ran, least);
  return false;
}

/// Prints what was left out on serial, and finds tests that skipped themselves in another way.
bool skips_accounted_for(const testing::UnitTest& all) {
  const auto& known = filch_test::skipped_concurrent();
  if (!known.empty()) {
    std::printf("[ CONCURRENT ] %zu tests need two cpu jobs at once and were left out:\n",
                known.size());
    for (const auto& name : known) std::printf("[ CONCURRENT ] %s\n", name.c_str());
  }
  const auto skipped = static_cast<std::size_t>(all.skipped_test_count());
  if (skipped == known.size()) return true;
  std::printf(
      "[  FAILED  ] %zu tests were skipped, but only %zu of them by "
      "FILCH_NEEDS_CONCURRENT\n",
      skipped, known.size());
  return false;
}

/// With `--gtest_repeat` each round accounts for its own skips.
class new_round final : public testing::EmptyTestEventListener {
  void OnTestIterationStart(const testing::UnitTest& /*all*/, int /*round*/) override {
    filch_test::forget_skipped_concurrent();
  }
};

/// oneTBB frees, when the last arena of a process ends, what its workers have read, and is not
/// built with ThreadSanitizer, which therefore cannot know that it waits for them. So there one
/// arena outlives all the others, and the process. (It never gets a job.)
void keep_an_arena_for_thread_sanitizer() {
#ifdef FILCH_HAS_TBB
  static const filch::pool* kept = nullptr;
  if (filch_test::under_thread_sanitizer) kept = new filch::pool(filch::make_engine("tbb", 8));
  static_cast<void>(kept);
#endif
}

/// oneTBB gets to what was enqueued in its own time, and LeakSanitizer does not see into its
/// memory: before the process ends and is judged, its threads get a moment to finish.
void let_onetbb_finish() {
#ifdef FILCH_HAS_TBB
  if (filch_test::under_address_sanitizer) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
#endif
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // Tests of exit() start the program again: forking one that has threads would prove nothing.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto& all = *testing::UnitTest::GetInstance();
  all.listeners().Append(new filch_test::seed_printer);
  all.listeners().Append(new new_round);
  keep_an_arena_for_thread_sanitizer();
  const bool passed = RUN_ALL_TESTS() == 0;
  let_onetbb_finish();
  const bool enough = enough_ran(all);
  const bool accounted = skips_accounted_for(all);
  return passed && enough && accounted ? 0 : 1;
}
