#include <filch/detail/futex.hpp>

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <new>
#include <thread>
#include <vector>

namespace {

using filch::detail::futex_wait;
using filch::detail::futex_wait_until;
using filch::detail::futex_wake;
using clock_type = std::chrono::steady_clock;
using word = std::atomic<std::uint32_t>;
using namespace std::chrono_literals;

void wait_for_change(const word& at, std::uint32_t old) {
  // order: what the waker wrote before [pair:TEST_WORD]
  while (at.load(std::memory_order_acquire) == old) futex_wait(at, old);
}

void change(word& at, std::uint32_t value) {
  at.store(value, std::memory_order_release);  // order: the payload [pair:TEST_WORD]
  futex_wake(&at, INT_MAX);
}

TEST(futex, wait_returns_at_once_if_the_word_differs) {
  const word at{1};
  futex_wait(at, 0);
  EXPECT_TRUE(futex_wait_until(at, 0, clock_type::now() + 1h));
}

TEST(futex, a_wake_ends_a_wait_and_the_payload_is_visible) {
  for (int round = 0; round < 200; ++round) {
    word at{0};
    int payload = 0;
    std::thread waiter([&] {
      wait_for_change(at, 0);
      EXPECT_EQ(payload, round);
    });
    payload = round;
    change(at, 1);
    waiter.join();
  }
}

TEST(futex, two_threads_hand_a_word_back_and_forth) {
  constexpr std::uint32_t rounds = 5000;
  word at{0};
  std::uint32_t turns = 0;  // plain: the word alone orders it
  std::thread other([&] {
    for (std::uint32_t turn = 0; turn < rounds; ++turn) {
      wait_for_change(at, 2 * turn);
      ++turns;
      change(at, 2 * turn + 2);
    }
  });
  for (std::uint32_t turn = 0; turn < rounds; ++turn) {
    ++turns;
    change(at, 2 * turn + 1);
    wait_for_change(at, 2 * turn + 1);
  }
  other.join();
  EXPECT_EQ(turns, 2 * rounds);
}

TEST(futex, one_wake_can_end_the_waits_of_all) {
  word at{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) waiters.emplace_back([&] { wait_for_change(at, 0); });
  std::this_thread::sleep_for(5ms);
  change(at, 1);
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(futex, a_timed_wait_ends_with_false_and_not_before_its_deadline) {
  const word at{0};
  const auto deadline = clock_type::now() + 20ms;
  while (futex_wait_until(at, 0, deadline)) {
  }
  EXPECT_GE(clock_type::now(), deadline);
}

TEST(futex, a_deadline_in_the_past_or_before_the_epoch_is_over) {
  const word at{0};
  EXPECT_FALSE(futex_wait_until(at, 0, clock_type::now() - 1s));
  EXPECT_FALSE(futex_wait_until(at, 0, clock_type::time_point{}));
  EXPECT_FALSE(futex_wait_until(at, 0, clock_type::time_point::min()));
}

TEST(futex, a_deadline_far_away_waits_until_the_wake) {
  for (const auto deadline : {clock_type::time_point::max(), clock_type::time_point::max() - 1ns,
                              clock_type::now() + std::chrono::hours(24 * 365 * 200)}) {
    word at{0};
    bool timed_out = false;
    std::thread waiter([&] {
      // order: what the waker wrote before [pair:TEST_WORD]
      while (at.load(std::memory_order_acquire) == 0) {
        timed_out = timed_out || !futex_wait_until(at, 0, deadline);
      }
    });
    std::this_thread::sleep_for(5ms);
    change(at, 1);
    waiter.join();
    EXPECT_FALSE(timed_out);
  }
}

TEST(futex, waking_a_word_that_has_died_is_harmless) {
  constexpr std::size_t size = 4096;
  void* const page =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  const word* const address = new (page) word(0U);
  ASSERT_EQ(munmap(page, size), 0);  // not even the memory is left
  futex_wake(address, INT_MAX);
}

TEST(futex, calls_leave_errno_alone) {
  const word at{0};
  errno = 77;
  futex_wait(at, 1);
  EXPECT_FALSE(futex_wait_until(at, 0, clock_type::now()));
  futex_wake(&at, 1);
  EXPECT_EQ(errno, 77);
}

}  // namespace
