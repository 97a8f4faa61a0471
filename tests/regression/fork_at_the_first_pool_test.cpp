// A child that was forked while a thread of the first pool asked the kernel for its barrier waited
// for ever: the local static that held the answer was locked in the child, by a thread that the
// child does not have.
#include <filch/fork_join.hpp>
#include <filch/pool.hpp>
#include <filch/submit.hpp>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "support/sanitizer.hpp"

namespace {

/// What `body` returns in a forked child; above 100 if a signal ended it.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);  // a hang ends by a signal
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

TEST(fork_at_the_first_pool, a_child_may_have_a_pool_though_the_first_one_is_just_beginning) {
  if (filch_test::under_thread_sanitizer) GTEST_SKIP() << "it allows no threads in such children";
  if (filch_test::under_address_sanitizer) {
    GTEST_SKIP() << "a lock of its allocator stays locked in such children";
  }
  // Each round in a process that has not made a pool yet.
  for (int round = 0; round < 60; ++round) {
    const int status = in_child([round] {
      const filch::pool first(8);
      std::this_thread::sleep_for(std::chrono::microseconds(20 * round));
      return in_child([] {
        const filch::pool own(4);
        return own.submit([] { return 5; }).get() == 5 ? 0 : 1;
      });
    });
    ASSERT_EQ(status, 0) << "round " << round;
  }
}

}  // namespace
