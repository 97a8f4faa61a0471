#include <filch/detail/stack_guard.hpp>

#include <filch/error.hpp>

#include <gtest/gtest.h>

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../support/sanitizer.hpp"
#include "base/os_thread.hpp"
#include "base/stack_limit.hpp"

namespace {

using filch::detail::current_stack_bounds;
using filch::detail::has_stack;
using filch::detail::os_thread;
using filch::detail::require_stack;
using filch::detail::stack_bounds;
using filch::detail::stack_reserve;

constexpr std::size_t kib = 1024;
constexpr std::size_t endless = 1'000'000'000;

std::uintptr_t own_frame() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

struct descent {
  std::size_t levels = 0;
  std::uintptr_t deepest = 0;
};

/// Keeps all of an array in the frame; clang would keep only the part that is used.
void keep(volatile char* frame) { asm volatile("" : : "r"(frame) : "memory"); }

// Frames of about 1 KiB, as a fork_join's would be.
[[gnu::noinline]] std::size_t descend(descent& seen) {
  require_stack();
  if (++seen.levels == endless) return 0;
  seen.deepest = own_frame();
  volatile char frame[kib];
  keep(frame);
  frame[0] = static_cast<char>(seen.levels);
  const std::size_t below = descend(seen);
  return below + static_cast<std::size_t>(frame[0]);
}

// Uses what must still be free when the limit is reached.
[[gnu::noinline]] char use_stack(std::size_t bytes) {
  volatile char frame[kib];
  std::memset(const_cast<char*>(frame), 1, sizeof frame);
  const char below = bytes > 2 * kib ? use_stack(bytes - 2 * kib) : char{0};
  return static_cast<char>(frame[kib / 2] + below);
}

[[gnu::noinline]] void descend_and_use(std::size_t bytes, std::size_t level = 0) {
  if (level == endless) return;
  try {
    require_stack();
    volatile char frame[kib];
    keep(frame);
    frame[0] = 1;
    descend_and_use(bytes, level + 1);
    frame[1] = frame[0];
  } catch (const filch::nesting_limit&) {
    if (bytes != 0) use_stack(bytes);
    throw;
  }
}

descent fall() {
  descent seen;
  EXPECT_THROW(descend(seen), filch::nesting_limit);
  return seen;
}

void run(const std::function<void()>& body, std::size_t stack_size) {
  os_thread thread = os_thread::start(body, {.stack_size = stack_size, .name = {}});
  ASSERT_TRUE(thread.joinable());
  thread.join();
}

TEST(stack_guard, endless_recursion_on_the_main_thread_throws) {
  const descent seen = fall();
  EXPECT_GT(seen.levels, 100U);
}

TEST(stack_guard, a_thread_that_threw_can_nest_again_as_deep) {
  run(
      [] {
        const std::size_t first = fall().levels;
        EXPECT_EQ(fall().levels, first);
        EXPECT_TRUE(has_stack());
      },
      1024 * kib);
}

TEST(stack_guard, keeps_128_kib_of_a_large_stack_free) {
  run(
      [] {
        const std::uintptr_t low = current_stack_bounds().low;
        const descent seen = fall();
        EXPECT_GE(seen.deepest - low, 128 * kib);
        EXPECT_LT(seen.deepest - low, 144 * kib);
        EXPECT_GT(seen.levels, 50U);  // ThreadSanitizer keeps its own state in the same stack
      },
      1024 * kib);
}

TEST(stack_guard, keeps_a_quarter_of_a_small_stack_free) {
  if (filch_test::under_thread_sanitizer) {
    GTEST_SKIP() << "its own part of a thread's stack is larger than a small stack";
  }
  run(
      [] {
        const stack_bounds bounds = current_stack_bounds();
        // A quarter, unless the system handed out a larger stack that was left over.
        const std::uintptr_t kept = stack_reserve(bounds);
        const descent seen = fall();
        EXPECT_GE(seen.deepest - bounds.low, kept);
        EXPECT_LT(seen.deepest - bounds.low, kept + 16 * kib);
        EXPECT_GT(seen.levels, 20U);
      },
      256 * kib);
}

TEST(stack_guard, what_it_keeps_can_be_used_while_unwinding) {
  run([] { EXPECT_THROW(descend_and_use(24 * kib), filch::nesting_limit); }, 256 * kib);
  run([] { EXPECT_THROW(descend_and_use(64 * kib), filch::nesting_limit); }, 1024 * kib);
}

TEST(stack_guard, the_message_names_the_sizes_and_a_way_out) {
  run(
      [] {
        try {
          descent seen;
          descend(seen);
          FAIL() << "must throw";
        } catch (const filch::nesting_limit& limit) {
          const std::string text = limit.what();
          EXPECT_NE(text.find("1024 KiB"), std::string::npos) << text;
          EXPECT_NE(text.find(".stack_size"), std::string::npos) << text;
        }
      },
      1024 * kib);
}

TEST(stack_guard, bounds_contain_the_frame_that_asks) {
  const stack_bounds bounds = current_stack_bounds();
  EXPECT_LT(bounds.low, own_frame());
  EXPECT_GT(bounds.high, own_frame());
}

TEST(stack_guard, reserve_is_128_kib_or_a_quarter) {
  EXPECT_EQ(stack_reserve({0, 8192 * kib}), 128 * kib);
  EXPECT_EQ(stack_reserve({0, 512 * kib}), 128 * kib);
  EXPECT_EQ(stack_reserve({0, 256 * kib}), 64 * kib);
  EXPECT_EQ(stack_reserve({0, 16 * kib}), 4 * kib);
  EXPECT_EQ(stack_reserve({}), 0U);
}

// The sanitizers follow no switch of stacks.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FILCH_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define FILCH_TEST_SANITIZED
#endif
#ifndef FILCH_TEST_SANITIZED
ucontext_t outside;
ucontext_t fiber;
bool fiber_has_stack = false;

TEST(stack_guard, a_fiber_is_not_judged_by_the_stack_of_its_thread) {
  EXPECT_TRUE(has_stack());
  // Below the thread's own stack, where a mere compare of addresses would refuse.
  std::vector<char> stack(256 * kib);
  getcontext(&fiber);
  fiber.uc_stack.ss_sp = stack.data();
  fiber.uc_stack.ss_size = stack.size();
  fiber.uc_link = &outside;
  makecontext(&fiber, [] { fiber_has_stack = has_stack(); }, 0);
  swapcontext(&outside, &fiber);
  EXPECT_TRUE(fiber_has_stack);
  EXPECT_GT(fall().levels, 100U) << "and the thread's own stack still has its limit";
}
#endif

}  // namespace
