// Memory runs out at each allocation of each verb in turn: the call throws, or it has done all of
// its work; nothing that belongs to a job is left, and the pool is as good as new.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "support/failing_new.hpp"
#include "support/watchdog.hpp"
#include "verbs.hpp"

namespace {

using filch_test::require_usable;
using filch_test::try_verb;
using filch_test::verb;

/// More allocations than any verb here makes.
constexpr int most = 2000;

class fault_memory : public testing::TestWithParam<verb> {
 protected:
  filch_test::watchdog guard_{{}, std::chrono::seconds(50)};
};

std::string name_of(const testing::TestParamInfo<verb>& info) { return info.param.name; }

TEST_P(fault_memory, a_caller_without_memory_gets_an_error_or_the_right_answer) {
  const filch::pool pool(2);
  int failed = 0;
  bool refused = true;
  for (int n = 0; n < most && refused; ++n) {
    SCOPED_TRACE("allocation " + std::to_string(n));
    bool good = false;
    {
      const filch_test::fail_new_after memory(n);
      good = try_verb(GetParam(), pool);
      refused = filch_test::fail_new_after::refused();
    }
    failed += good ? 0 : 1;
    EXPECT_TRUE(good || refused) << "it failed though it had all its memory";
    ASSERT_NO_THROW(require_usable(pool));
  }
  EXPECT_FALSE(refused) << "the last call ought to have had all its memory";
  RecordProperty("failed", failed);
}

TEST_P(fault_memory, one_allocation_that_fails_anywhere_is_an_error_or_makes_no_difference) {
  const filch::pool pool(2);
  bool refused = true;
  // Other threads allocate when they please, so a verb may be over before the n-th once in a while.
  for (int n = 0, over = 0; n < most && over < 3; ++n) {
    SCOPED_TRACE("allocation " + std::to_string(n));
    bool good = false;
    {
      const filch_test::fail_one_new memory(n);
      good = try_verb(GetParam(), pool);
    }
    refused = filch_test::fail_one_new::refused();
    over = refused ? 0 : over + 1;
    EXPECT_TRUE(good || refused) << "it failed though it had all its memory";
    ASSERT_NO_THROW(require_usable(pool));
  }
  EXPECT_FALSE(refused) << "the last call ought to have had all its memory";
}

INSTANTIATE_TEST_SUITE_P(verbs, fault_memory,
                         testing::ValuesIn(filch_test::verbs().begin(), filch_test::verbs().end()),
                         name_of);

TEST(fault_memory_of_pools, a_pool_that_cannot_be_made_throws_and_leaves_nothing) {
  const filch_test::watchdog guard({}, std::chrono::seconds(50));
  int failed = 0;
  bool refused = true;
  for (int n = 0; n < most && refused; ++n) {
    SCOPED_TRACE("allocation " + std::to_string(n));
    try {
      const filch_test::fail_new_after memory(n);
      const filch::pool pool(3);
    } catch (const std::bad_alloc&) {
      ++failed;
    }
    refused = filch_test::fail_new_after::refused();
  }
  EXPECT_FALSE(refused);
  EXPECT_GT(failed, 0);
}

TEST(fault_memory_of_pools, a_pool_made_with_one_failure_works) {
  const filch_test::watchdog guard({}, std::chrono::seconds(50));
  for (int n = 0, over = 0; n < most && over < 3; ++n) {
    SCOPED_TRACE("allocation " + std::to_string(n));
    std::unique_ptr<filch::pool> pool;
    try {
      const filch_test::fail_one_new memory(n);
      pool = std::make_unique<filch::pool>(3);
    } catch (const std::bad_alloc&) {
    }
    over = filch_test::fail_one_new::refused() ? 0 : over + 1;
    if (!pool) continue;
    ASSERT_NO_THROW(require_usable(*pool));
  }
}

TEST(fault_memory_of_pools, a_pool_ends_without_memory) {
  const filch_test::watchdog guard({}, std::chrono::seconds(50));
  for (int n = 0; n < 10; ++n) {
    auto pool = std::make_unique<filch::pool>(2);
    require_usable(*pool);
    const filch_test::fail_new_after memory(n);
    pool.reset();
  }
}

TEST(fault_memory_of_pools, a_pool_destroyed_by_its_own_job_ends_without_memory) {
  const filch_test::watchdog guard({}, std::chrono::seconds(50));
  for (int n = 0; n < 10; ++n) {
    auto pool = std::make_unique<filch::pool>(2);
    auto job = pool->submit([&pool, n] {
      const filch_test::fail_new_after memory(n);
      pool.reset();
    });
    job.wait();
  }
}

}  // namespace
