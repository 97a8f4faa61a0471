#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <filch/pool.hpp>
#include <filch/promise.hpp>
#include <filch/submit.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

/// What a cancelled job owns goes at once, wherever the job lies.
namespace {

using namespace std::chrono_literals;

FILCH_CONFORMANCE(cancel);

constexpr std::size_t n = 100;

/// A worker that has made jobs, which lie in its own deque, and goes on computing.
class busy_maker {
 public:
  template <class Make>
  busy_maker(filch::pool& pool, Make make)
      : work_(pool.submit([this, make] {
          make();
          made_ = true;
          while (!may_go_) std::this_thread::yield();
        })) {
    while (!made_) std::this_thread::yield();
  }
  ~busy_maker() {
    may_go_ = true;
    work_.wait();
  }

 private:
  std::atomic<bool> made_{false}, may_go_{false};
  filch::future<void> work_;
};

TEST_P(cancel, a_job_in_the_deque_of_a_worker_that_computes_lets_go_of_what_it_owns) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  const auto owned = std::make_shared<int>(1);
  std::vector<filch::future<void>> answers;
  const busy_maker maker(pool, [&] {
    for (std::size_t i = 0; i < n; ++i) answers.push_back(pool.submit([owned] {}));
  });
  for (auto& a : answers) a.cancel();
  for (auto& a : answers) a.wait();  // other workers may have begun some
  EXPECT_EQ(owned.use_count(), 1);
}

TEST_P(cancel, what_was_to_go_on_with_a_result_lets_go_too) {
  auto pool = make_pool();
  const auto owned = std::make_shared<int>(1);
  filch::promise<void> given(pool);
  auto after = given.get_future().then([owned] {});
  EXPECT_TRUE(after.cancel());
  EXPECT_EQ(owned.use_count(), 1);
  given.set_value();
  EXPECT_THROW(after.get(), filch::cancelled);
}

TEST_P(cancel, a_job_whose_time_is_up_before_it_began_lets_go_too) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  const auto owned = std::make_shared<int>(1);
  std::vector<filch::future<void>> answers;
  const busy_maker maker(pool, [&] {
    for (std::size_t i = 0; i < n; ++i) {
      answers.push_back(pool.with({.timeout = 5ms}).submit([owned] {}));
    }
  });
  for (auto& a : answers) ASSERT_TRUE(a.wait_for(10s));
  EXPECT_EQ(owned.use_count(), 1);
  for (auto& a : answers) {
    try {
      a.get();
    } catch (const filch::timed_out&) {
      continue;  // else another worker was in time
    }
  }
}

// What goes may be the pool's last handle: then the job that was cancelled is one of its own.
TEST_P(cancel, what_was_to_be_called_may_own_the_pool) {
  for (const bool later : {false, true}) {
    auto pool = make_heap_pool();
    filch::promise<void> given(*pool);
    auto& here = *pool;
    filch::future<void> answer;
    if (later) {
      answer = here.submit_after(1h, [owned = std::move(pool)] {});
    } else {
      answer = given.get_future().then([owned = std::move(pool)] {});
    }
    EXPECT_TRUE(answer.cancel());
    EXPECT_THROW(answer.get(), filch::cancelled);
  }
}

}  // namespace
