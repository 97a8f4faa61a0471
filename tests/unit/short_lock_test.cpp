#include "sync/short_lock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using filch::detail::short_lock;

TEST(short_lock, keeps_threads_apart) {
  short_lock lock;
  int count = 0;
  constexpr int each = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        const std::lock_guard held(lock);
        ++count;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(count, 4 * each);
}

// Longer than anybody spins: those that wait sleep, and each is woken.
TEST(short_lock, wakes_those_that_slept_for_it) {
  short_lock lock;
  int through = 0;
  std::vector<std::thread> threads;
  {
    const std::lock_guard held(lock);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        const std::lock_guard mine(lock);
        ++through;
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(through, 0);
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(through, 4);
}

}  // namespace
