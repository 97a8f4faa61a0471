#include "base/fork_guard.hpp"

#include <filch/error.hpp>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using filch::detail::fork_generation;
using filch::detail::fork_sentinel;

// Whether `check` holds in a forked child.
bool in_child(const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) _exit(check() ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(fork_guard, the_process_that_asked_is_not_stale) {
  const auto mine = fork_generation::current();
  EXPECT_FALSE(mine.stale());
  EXPECT_FALSE(fork_generation::current().stale());
  EXPECT_NO_THROW(mine.require_same_process());
}

TEST(fork_guard, a_child_finds_what_it_inherited_stale) {
  const auto mine = fork_generation::current();
  EXPECT_TRUE(in_child([&] { return mine.stale(); }));
  EXPECT_FALSE(mine.stale()) << "the parent goes on as before";
}

TEST(fork_guard, a_child_may_begin_its_own_and_the_old_stays_stale) {
  const auto mine = fork_generation::current();
  EXPECT_TRUE(in_child([&] {
    const auto own = fork_generation::current();
    const auto again = fork_generation::current();
    return mine.stale() && !own.stale() && !again.stale();
  }));
}

TEST(fork_guard, a_grandchild_is_apart_from_both) {
  const auto mine = fork_generation::current();
  EXPECT_TRUE(in_child([&] {
    const auto parents = fork_generation::current();
    return in_child([&] {
      const bool old_ones = mine.stale() && parents.stale();
      const auto own = fork_generation::current();
      return old_ones && mine.stale() && parents.stale() && !own.stale();
    });
  }));
}

TEST(fork_guard, a_child_that_never_asked_makes_no_difference_to_a_grandchild) {
  const auto mine = fork_generation::current();
  EXPECT_TRUE(in_child([&] { return in_child([&] { return mine.stale(); }); }));
}

TEST(fork_guard, using_the_old_in_a_child_throws_with_advice) {
  const auto mine = fork_generation::current();
  EXPECT_TRUE(in_child([&] {
    try {
      mine.require_same_process();
    } catch (const filch::forked_pool& refused) {
      return std::string(refused.what()).find("new pool") != std::string::npos;
    }
    return false;
  }));
}

TEST(fork_guard, threads_that_ask_at_once_agree) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] { EXPECT_FALSE(fork_generation::current().stale()); });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(fork_guard, a_kernel_that_cannot_wipe_is_asked_for_the_process_id) {
  static fork_sentinel::word plain{0};
  const fork_sentinel sentinel(plain, false);
  const auto mine = sentinel.current();
  EXPECT_FALSE(mine.stale());
  EXPECT_TRUE(in_child([&] {
    const bool old_one = mine.stale();
    const auto own = sentinel.current();
    return old_one && mine.stale() && !own.stale() && !sentinel.current().stale();
  }));
  EXPECT_FALSE(mine.stale());
}

TEST(fork_guard, this_kernel_wipes_the_page) {
  fork_sentinel::word* const page = fork_sentinel::map_wiped_page();
  if (page == nullptr) GTEST_SKIP() << "no MADV_WIPEONFORK here";
  page->store(7, std::memory_order_relaxed);  // order: [relaxed: fork orders it]
  EXPECT_TRUE(in_child([&] {
    return page->load(std::memory_order_relaxed) == 0;  // order: [relaxed: fork orders it]
  }));
  EXPECT_EQ(page->load(std::memory_order_relaxed), 7U);  // order: [relaxed: same thread]
}

}  // namespace
