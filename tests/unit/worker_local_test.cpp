#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <filch/worker_local.hpp>

#include <gtest/gtest.h>

namespace {

template <class F>
void on_threads(int n, F f) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back(f, i);
  for (auto& t : threads) t.join();
}

TEST(worker_local, gives_a_thread_the_same_value_each_time) {
  filch::worker_local<int> counter;
  ++counter.local();
  ++counter.local();
  EXPECT_EQ(counter.local(), 2);
  EXPECT_EQ(counter.size(), 1U);
}

TEST(worker_local, gives_each_thread_a_value_of_its_own) {
  filch::worker_local<int> counter;
  on_threads(4, [&](int) {
    for (int i = 0; i < 10'000; ++i) ++counter.local();
  });
  EXPECT_EQ(counter.size(), 4U);
  counter.for_each([](int& n) { EXPECT_EQ(n, 10'000); });
}

TEST(worker_local, makes_values_lazily_on_their_own_threads) {
  std::atomic<int> made{0};
  std::mutex mutex;
  std::vector<std::thread::id> where;
  filch::worker_local<int> values([&] {
    const std::lock_guard lock(mutex);
    where.push_back(std::this_thread::get_id());
    return ++made;
  });
  EXPECT_EQ(made, 0);
  std::thread::id other;
  std::thread([&] {
    other = std::this_thread::get_id();
    values.local();
  }).join();
  EXPECT_EQ(where, std::vector{other});
}

TEST(worker_local, combines_all_values) {
  filch::worker_local<std::string> text([] { return std::string("x"); });
  EXPECT_EQ(text.combine(std::plus<>{}), "x") << "a fresh one where there is none";
  EXPECT_EQ(text.size(), 0U);
  on_threads(3, [&](int) { text.local() += "y"; });
  EXPECT_EQ(text.combine(std::plus<>{}), "xyxyxy");
  EXPECT_EQ(text.size(), 3U);
}

TEST(worker_local, keeps_the_values_of_threads_that_have_ended) {
  filch::worker_local<int> values;
  for (int i = 0; i < 50; ++i) std::thread([&] { ++values.local(); }).join();
  EXPECT_EQ(values.combine(std::plus<>{}), 50);
}

TEST(worker_local, starts_anew_after_clear) {
  filch::worker_local<int> values([] { return 1; });
  values.local() = 5;
  values.clear();
  EXPECT_EQ(values.size(), 0U);
  EXPECT_EQ(values.local(), 1);
}

TEST(worker_local, does_not_mistake_a_new_object_for_an_old_one_at_its_address) {
  alignas(filch::worker_local<int>) unsigned char memory[sizeof(filch::worker_local<int>)];
  for (int i = 0; i < 100; ++i) {
    auto* here = new (memory) filch::worker_local<int>([i] { return i; });
    EXPECT_EQ(here->local(), i);
    EXPECT_EQ(here->local(), i);
    here->~worker_local();
  }
}

TEST(worker_local, holds_more_objects_than_a_thread_remembers) {
  std::vector<std::unique_ptr<filch::worker_local<int>>> many;
  for (int i = 0; i < 50; ++i) many.push_back(std::make_unique<filch::worker_local<int>>());
  for (int round = 0; round < 3; ++round) {
    for (auto& one : many) ++one->local();
  }
  for (auto& one : many) {
    EXPECT_EQ(one->local(), 3);
    EXPECT_EQ(one->size(), 1U);
  }
}

TEST(worker_local, takes_values_that_can_be_neither_copied_nor_moved) {
  filch::worker_local<std::mutex> locks;
  const std::lock_guard lock(locks.local());
  EXPECT_EQ(locks.size(), 1U);
}

TEST(worker_local, tries_again_after_a_value_could_not_be_made) {
  int calls = 0;
  filch::worker_local<int> values([&]() -> int {
    if (++calls == 1) throw std::runtime_error("not yet");
    return 7;
  });
  EXPECT_THROW(values.local(), std::runtime_error);
  EXPECT_EQ(values.size(), 0U);
  EXPECT_EQ(values.local(), 7);
}

TEST(worker_local, destroys_every_value_once) {
  static int alive = 0;
  struct counted {
    counted() { ++alive; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --alive; }
  };
  {
    filch::worker_local<counted> values;
    for (int i = 0; i < 5; ++i) std::thread([&] { values.local(); }).join();
    EXPECT_EQ(alive, 5);
    values.clear();
    EXPECT_EQ(alive, 0);
    values.local();
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
