#include "base/job_memory.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "../support/sanitizer.hpp"

namespace {

using filch::detail::allocate_job;
using filch::detail::free_job;

TEST(job_memory, a_freed_block_is_used_again_by_the_same_thread) {
  if (filch_test::under_address_sanitizer) GTEST_SKIP() << "nothing is kept there";
  void* const first = allocate_job(200);
  free_job(first, 200);
  void* const second = allocate_job(193);  // the same size, rounded up
  EXPECT_EQ(second, first);
  free_job(second, 193);
}

TEST(job_memory, blocks_of_all_sizes_are_apart_and_writable) {
  struct block {
    std::byte* at;
    std::size_t size;
  };
  std::vector<block> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 1; size <= 1200; size += 7) {
      auto* const at = static_cast<std::byte*>(allocate_job(size));
      std::memset(at, static_cast<int>(size % 251), size);
      blocks.push_back({at, size});
    }
    std::sort(blocks.begin(), blocks.end(),
              [](const block& a, const block& b) { return a.at < b.at; });
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
      ASSERT_LE(blocks[i].at + blocks[i].size, blocks[i + 1].at);
    }
    for (const auto& b : blocks) {
      ASSERT_TRUE(std::all_of(b.at, b.at + b.size, [&](std::byte x) {
        return x == static_cast<std::byte>(b.size % 251);
      }));
      free_job(b.at, b.size);
    }
    blocks.clear();
  }
}

// One thread makes, another one ends: blocks travel by the batch, none twice at a time.
TEST(job_memory, blocks_freed_elsewhere_come_back) {
  if (filch_test::under_address_sanitizer) GTEST_SKIP() << "nothing is kept there";
  std::set<void*> seen;
  for (int round = 0; round < 50; ++round) {
    std::vector<void*> made;
    for (int i = 0; i < 1000; ++i) made.push_back(allocate_job(300));
    EXPECT_EQ(std::set<void*>(made.begin(), made.end()).size(), made.size());
    seen.insert(made.begin(), made.end());
    std::thread([&] {
      for (void* block : made) free_job(block, 300);
    }).join();
  }
  EXPECT_LT(seen.size(), 5000U);
}

TEST(job_memory, is_aligned_for_every_ordinary_type) {
  for (std::size_t size : {1U, 64U, 65U, 1024U, 1025U}) {
    void* const at = allocate_job(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % alignof(std::max_align_t), 0U);
    free_job(at, size);
  }
}

// Whatever a thread destroys at its very end may hold jobs.
struct late {
  void* block = nullptr;
  ~late() {
    free_job(block, 100);
    free_job(allocate_job(100), 100);
  }
};
TEST(job_memory, serves_destructors_of_a_threads_end) {
  std::thread([] {
    static thread_local late before;
    free_job(allocate_job(100), 100);
    static thread_local late after;
    before.block = allocate_job(100);
    after.block = allocate_job(100);
  }).join();
}

// A thread that only allocates keeps nothing when it ends.
TEST(job_memory, threads_that_only_make_jobs_leave_no_blocks_behind) {
  if (filch_test::under_address_sanitizer) GTEST_SKIP() << "nothing is kept there";
  constexpr int threads = 300;
  constexpr int each = 8;
  std::set<void*> seen;
  for (int t = 0; t < threads; ++t) {
    std::vector<void*> made;
    std::thread([&] {
      for (int i = 0; i < each; ++i) made.push_back(allocate_job(900));
    }).join();
    seen.insert(made.begin(), made.end());
    for (void* block : made) free_job(block, 900);
  }
  EXPECT_LT(seen.size(), 500U) << "each thread took blocks that nobody has given back";
}

// A forked child has no thread that could give the depot's lock back.
TEST(job_memory, a_forked_child_is_not_kept_waiting) {
  if (filch_test::under_thread_sanitizer) GTEST_SKIP() << "it does not follow a fork with threads";
  if (filch_test::under_address_sanitizer) {
    GTEST_SKIP() << "nothing is kept there, and a forked child may find its allocator locked";
  }
  std::atomic<bool> over{false};
  std::vector<std::jthread> busy;
  for (int t = 0; t < 2; ++t) {
    busy.emplace_back([&] {
      std::vector<void*> mine(200);
      while (!over) {
        for (auto& block : mine) block = allocate_job(700);
        for (void* block : mine) free_job(block, 700);
      }
    });
  }
  struct ender {
    std::atomic<bool>& over;
    ~ender() { over = true; }
  } at_end{over};
  for (int i = 0; i < 200; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::alarm(10);  // a hang ends by a signal
      std::vector<void*> mine(200);
      for (auto& block : mine) block = allocate_job(700);
      for (void* block : mine) free_job(block, 700);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
}

}  // namespace
