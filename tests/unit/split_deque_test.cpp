#include <filch/detail/split_deque.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace {

struct item {
  int runs = 0;
};
struct thief {};
using deque = filch::detail::split_deque<item, thief, filch::detail::std_atomics, 64>;

struct split_deque : testing::Test {
  std::unique_ptr<deque> d = std::make_unique<deque>();
  item items[64];
  thief me;
  item* out = nullptr;
  deque::index at = 99;

  void push(int n) {
    for (int i = 0; i < n; ++i) d->push(&items[i]);
  }
  /// Steals and counts how many there were to take.
  int steal_all() {
    int n = 0;
    while (d->steal(out, at, &me)) ++n;
    return n;
  }
};

TEST_F(split_deque, a_new_deque_is_empty_and_has_a_question) {
  EXPECT_TRUE(d->looks_empty());
  EXPECT_TRUE(d->asked()) << "nobody knows who went to sleep before the deque was made";
  EXPECT_FALSE(d->steal(out, at, &me));
  EXPECT_FALSE(d->force(out, at, &me));
}

TEST_F(split_deque, what_is_private_cannot_be_stolen_and_is_popped_by_the_owner) {
  push(3);
  EXPECT_FALSE(d->looks_empty());
  EXPECT_FALSE(d->steal(out, at, &me));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(d->pop());
  EXPECT_TRUE(d->looks_empty());
}

TEST_F(split_deque, an_answer_makes_the_older_half_public_oldest_first) {
  push(5);
  d->answer(false);
  EXPECT_FALSE(d->asked());
  EXPECT_TRUE(d->steal(out, at, &me));
  EXPECT_EQ(out, &items[0]);
  EXPECT_EQ(at, 0U);
  EXPECT_EQ(d->thief(0), &me);
  EXPECT_EQ(steal_all(), 2) << "three of five";
}

TEST_F(split_deque, a_single_job_is_half_of_itself) {
  push(1);
  d->answer(false);
  EXPECT_EQ(steal_all(), 1);
}

TEST_F(split_deque, an_answer_for_machines_without_a_barrier_hides_nothing_and_stays_asked) {
  push(5);
  d->answer(true);
  EXPECT_TRUE(d->asked());
  EXPECT_EQ(steal_all(), 5);
}

TEST_F(split_deque, the_owner_takes_public_jobs_back_one_by_one) {
  push(4);
  d->answer(false);  // 0 and 1
  EXPECT_TRUE(d->pop());
  EXPECT_TRUE(d->pop());
  EXPECT_FALSE(d->pop());
  EXPECT_TRUE(d->reclaim());
  EXPECT_EQ(steal_all(), 1);
  EXPECT_FALSE(d->pop());
  EXPECT_FALSE(d->reclaim()) << "a thief has it";
}

TEST_F(split_deque, a_stolen_job_keeps_its_place_until_it_is_forgotten) {
  push(1);
  d->answer(false);
  ASSERT_EQ(steal_all(), 1);
  ASSERT_FALSE(d->pop());
  ASSERT_FALSE(d->reclaim());
  EXPECT_EQ(d->newest(), 0U);
  d->push(&items[1]);  // made while the owner waits
  d->answer(false);
  EXPECT_TRUE(d->steal(out, at, &me));
  EXPECT_EQ(at, 1U);
  d->done(1).set();
  ASSERT_FALSE(d->pop());
  ASSERT_FALSE(d->reclaim());
  EXPECT_TRUE(d->done(1).is_set());
  d->forget();
  d->done(0).set();
  d->forget();
  EXPECT_TRUE(d->looks_empty());
  EXPECT_FALSE(d->done(0).is_set()) << "closed again for the next job of the place";
  EXPECT_EQ(d->thief(0), nullptr);
  d->push(&items[2]);
  EXPECT_TRUE(d->pop());
}

TEST_F(split_deque, force_takes_the_oldest_private_job_and_makes_half_of_the_rest_public) {
  push(6);
  ASSERT_TRUE(d->force(out, at, &me));
  EXPECT_EQ(out, &items[0]);
  EXPECT_EQ(at, 0U);
  EXPECT_EQ(steal_all(), 2) << "of the three that were marked";
  EXPECT_TRUE(d->pop());
}

TEST_F(split_deque, force_leaves_alone_what_can_be_stolen) {
  push(4);
  d->answer(false);
  EXPECT_FALSE(d->force(out, at, &me));
  EXPECT_EQ(steal_all(), 2);
  EXPECT_TRUE(d->force(out, at, &me));
  EXPECT_EQ(at, 2U);
}

TEST_F(split_deque, is_full_at_its_capacity_and_not_before) {
  push(63);
  EXPECT_FALSE(d->full());
  d->push(&items[63]);
  EXPECT_TRUE(d->full());
  EXPECT_TRUE(d->pop());
  EXPECT_FALSE(d->full());
}

// A tree of forks on one owner with two thieves that ask, steal and force at random: the payload
// is plain, so that ThreadSanitizer sees who may touch it.
struct tree {
  deque d;
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> taken{0};

  void run_thief(bool forces) {
    thief self;
    // order: [relaxed: the end of the test]
    while (!over.load(std::memory_order_relaxed)) {
      item* job = nullptr;
      deque::index place = 0;
      if (!d.steal(job, place, &self) &&
          !(forces && !d.looks_empty() && d.force(job, place, &self))) {
        d.ask();
        std::this_thread::yield();
        continue;
      }
      // order: [relaxed: a count]
      taken.fetch_add(1, std::memory_order_relaxed);
      ++job->runs;
      d.done(place).set();
    }
  }
  /// Forks `depth` levels deep; every fork's item must have run once when the fork is over.
  bool fork(int depth) {
    if (depth == 0) return true;
    item half;
    d.push(&half);
    if (d.asked()) d.answer(false);
    const bool below = fork(depth - 1);
    if (d.pop() || d.reclaim()) {
      ++half.runs;
    } else {
      d.done(d.newest()).wait();
      d.forget();
    }
    return below && half.runs == 1;
  }
};

TEST(split_deque_stress, every_job_runs_once_whoever_takes_it) {
  const auto shared = std::make_unique<tree>();
  std::thread polite([&] { shared->run_thief(false); });
  std::thread rude([&] { shared->run_thief(true); });
  bool right = true;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
  int rounds = 0;
  for (; std::chrono::steady_clock::now() < until; ++rounds) right = shared->fork(12) && right;
  // order: [relaxed: joined below]
  shared->over.store(true, std::memory_order_relaxed);
  polite.join();
  rude.join();
  EXPECT_TRUE(right);
  EXPECT_GT(rounds, 10);
  EXPECT_GT(shared->taken, 0U);
  EXPECT_TRUE(shared->d.looks_empty());
}

}  // namespace
