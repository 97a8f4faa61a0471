// The system gives fewer threads than are asked for, the first refused one being the k-th: verbs
// throw or do all of their work, pools have fewer workers, and nothing hangs.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/counted.hpp"
#include "support/failing_threads.hpp"
#include "support/watchdog.hpp"
#include "verbs.hpp"

namespace {

using filch_test::fail_threads_after;
using filch_test::require_usable;
using filch_test::try_verb;
using filch_test::verb;

/// More threads than any verb here starts.
constexpr int most = 100;

class fault_threads : public testing::TestWithParam<verb> {
 protected:
  filch_test::watchdog guard_{{}, std::chrono::seconds(50)};
};

std::string name_of(const testing::TestParamInfo<verb>& info) { return info.param.name; }

// A new pool each time, whose io threads, stand-ins and timer must be started yet.
TEST_P(fault_threads, a_pool_that_gets_no_more_threads_throws_or_has_the_right_answer) {
  int refused = 1;
  for (int n = 0; n < most && refused > 0; ++n) {
    SCOPED_TRACE("threads: " + std::to_string(n));
    const filch::pool pool(2);
    bool good = false;
    {
      const fail_threads_after system(n);
      good = try_verb(GetParam(), pool);
      refused = fail_threads_after::refused();
    }
    EXPECT_TRUE(good || refused > 0) << "it failed though it had all its threads";
    ASSERT_NO_THROW(require_usable(pool));
  }
  EXPECT_EQ(refused, 0);
}

TEST_P(fault_threads, a_pool_with_fewer_workers_has_the_right_answer) {
  for (int n = 0; n <= 3; ++n) {
    SCOPED_TRACE("workers: " + std::to_string(n));
    std::unique_ptr<filch::pool> pool;
    {
      const fail_threads_after system(n);
      pool = std::make_unique<filch::pool>(3);
      EXPECT_EQ(fail_threads_after::refused() > 0, n < 3);
    }
    EXPECT_EQ(pool->stats().workers, static_cast<unsigned>(n));
    EXPECT_TRUE(try_verb(GetParam(), *pool));
    ASSERT_NO_THROW(require_usable(*pool));
  }
}

TEST_P(fault_threads, a_pool_without_any_threads_throws_or_has_the_right_answer) {
  const fail_threads_after system(0);
  const filch::pool pool(3);
  EXPECT_EQ(pool.stats().workers, 0U);
  try_verb(GetParam(), pool);
  EXPECT_GT(fail_threads_after::refused(), 0);
  for (const char* name : {"submit", "map", "fork_join", "for_index", "scope"}) {
    for (const auto& v : filch_test::verbs()) {
      if (v.name != std::string(name)) continue;
      EXPECT_TRUE(try_verb(v, pool)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(verbs, fault_threads,
                         testing::ValuesIn(filch_test::verbs().begin(), filch_test::verbs().end()),
                         name_of);

TEST(fault_threads_of_pools, a_pool_with_too_few_workers_says_so) {
  const fail_threads_after system(1);
  testing::internal::CaptureStderr();
  const filch::pool pool(3);
  const auto told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("1 of 3 worker threads"), std::string::npos) << told;
  EXPECT_NE(pool.describe().find("of which 1 could be started"), std::string::npos);
}

TEST(fault_threads_of_pools, contenders_without_a_thread_lose_with_no_thread) {
  const filch::pool pool(2);
  const fail_threads_after system(0);
  const int ways[] = {1, 2, 3};
  try {
    (void)pool.race([](int i) { return i; }, ways);
    FAIL() << "a race without threads has a winner";
  } catch (const filch::race_failed& all) {
    ASSERT_EQ(all.errors().size(), 3U);
    for (const auto& one : all.errors()) {
      EXPECT_THROW(std::rethrow_exception(one.error), filch::no_thread);
    }
  }
}

}  // namespace
