#include "base/os_thread.hpp"

#include <filch/signals.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <thread>
#include <utility>

namespace {

using filch::detail::interrupt_signal;
using filch::detail::os_thread;
using filch::detail::thread_options;

void run(std::function<void()> body, const thread_options& options = {}) {
  os_thread thread = os_thread::start(std::move(body), options);
  ASSERT_TRUE(thread.joinable());
  thread.join();
}

sigset_t own_mask() {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return mask;
}

std::size_t own_stack_size() {
  pthread_attr_t attributes;
  void* low = nullptr;
  std::size_t size = 0;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  return size;
}

TEST(os_thread, join_sees_what_the_body_did) {
  int payload = 0;
  os_thread thread = os_thread::start([&] { payload = 7; }, {});
  EXPECT_EQ(thread.error(), 0);
  ASSERT_TRUE(thread.joinable());
  EXPECT_FALSE(thread.is_self());
  thread.join();
  EXPECT_FALSE(thread.joinable());
  EXPECT_EQ(payload, 7);
}

TEST(os_thread, a_default_one_is_not_joinable_and_has_no_error) {
  const os_thread thread;
  EXPECT_FALSE(thread.joinable());
  EXPECT_FALSE(thread.is_self());
  EXPECT_EQ(thread.error(), 0);
}

TEST(os_thread, moving_hands_the_thread_on) {
  os_thread first = os_thread::start([] {}, {});
  os_thread second(std::move(first));
  EXPECT_FALSE(first.joinable());  // NOLINT: moved-from is what is tested
  os_thread third;
  third = std::move(second);
  EXPECT_FALSE(second.joinable());  // NOLINT
  third.join();
}

TEST(os_thread, knows_itself) {
  os_thread thread;
  std::atomic<bool> stored{false};
  bool is_self = false;
  thread = os_thread::start(
      [&] {
        // order: the handle [pair:TEST_HANDLE]
        while (!stored.load(std::memory_order_acquire)) std::this_thread::yield();
        is_self = thread.is_self();
      },
      {});
  stored.store(true, std::memory_order_release);  // order: the handle [pair:TEST_HANDLE]
  thread.join();
  EXPECT_TRUE(is_self);
}

TEST(os_thread, destroys_the_body_on_the_thread_before_join_returns) {
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = token;
  os_thread thread = os_thread::start([token] {}, {});
  token.reset();
  thread.join();
  EXPECT_TRUE(watch.expired());
}

TEST(os_thread, a_detached_one_runs_on) {
  std::atomic<bool> done{false};
  os_thread thread = os_thread::start(
      [&] {
        done.store(true, std::memory_order_release);  // order: nothing but itself [pair:TEST_DONE]
      },
      {});
  thread.detach();
  EXPECT_FALSE(thread.joinable());
  // order: nothing but itself [pair:TEST_DONE]
  while (!done.load(std::memory_order_acquire)) std::this_thread::yield();
}

TEST(os_thread, carries_the_first_fifteen_bytes_of_its_name) {
  std::array<char, 32> seen{};
  run([&] { pthread_getname_np(pthread_self(), seen.data(), seen.size()); },
      {.name = "filch-worker-number-12"});
  EXPECT_STREQ(seen.data(), "filch-worker-nu");
}

TEST(os_thread, has_at_least_the_stack_it_asked_for) {
  std::size_t seen = 0;
  run([&] { seen = own_stack_size(); }, {.stack_size = 3'000'001, .name = {}});
  EXPECT_GE(seen, 3'000'001U);  // more if the system had a larger one left over
}

#ifndef __SANITIZE_THREAD__
TEST(os_thread, a_stack_too_small_to_start_is_raised) {
  int payload = 0;
  run([&] { payload = 1; }, {.stack_size = 1, .name = {}});
  EXPECT_EQ(payload, 1);
}
#endif

TEST(os_thread, a_stack_nobody_can_give_is_an_error_and_not_an_exception) {
  for (const std::size_t size :
       {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 2}) {
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = token;
    const os_thread thread = os_thread::start([token] {}, {.stack_size = size, .name = {}});
    EXPECT_FALSE(thread.joinable());
    EXPECT_NE(thread.error(), 0);
    token.reset();
    EXPECT_TRUE(watch.expired()) << "the body of a thread that never ran is destroyed";
  }
}

struct copy_without_memory {
  copy_without_memory() = default;
  copy_without_memory(const copy_without_memory&) { throw std::bad_alloc(); }
  void operator()() const {}
};

TEST(os_thread, bad_alloc_is_an_error_and_not_an_exception) {
  const copy_without_memory body;
  const os_thread thread = os_thread::start(body, {});
  EXPECT_FALSE(thread.joinable());
  EXPECT_EQ(thread.error(), ENOMEM);
}

TEST(os_thread, lets_in_only_the_synchronous_signals_sigprof_and_the_interrupt) {
  sigset_t inside;
  run([&] { inside = own_mask(); });
  for (const int open :
       {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF, interrupt_signal()}) {
    EXPECT_EQ(sigismember(&inside, open), 0) << open;
  }
  for (const int closed :
       {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGPIPE, SIGUSR1, SIGUSR2, SIGRTMIN, SIGRTMAX}) {
    EXPECT_EQ(sigismember(&inside, closed), 1) << closed;
  }
}

TEST(os_thread, leaves_the_mask_of_its_creator_alone) {
  const sigset_t before = own_mask();
  run([] {});
  const os_thread failed = os_thread::start(
      [] {}, {.stack_size = std::numeric_limits<std::size_t>::max() / 2, .name = {}});
  const sigset_t after = own_mask();
  for (int number = 1; number <= SIGRTMAX; ++number) {
    EXPECT_EQ(sigismember(&before, number), sigismember(&after, number)) << number;
  }
}

std::atomic<bool> hit_a_worker{false};
thread_local bool is_worker = false;

TEST(os_thread, a_storm_of_signals_never_hits_a_starting_thread) {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) {
    // order: [relaxed: read after join]
    if (is_worker) hit_a_worker.store(true, std::memory_order_relaxed);
  };
  sigaction(SIGUSR1, &action, &before);
  std::atomic<bool> stop{false};
  std::thread storm([&] {
    // order: [relaxed: only ends the loop]
    while (!stop.load(std::memory_order_relaxed)) {
      kill(getpid(), SIGUSR1);
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 200; ++i) run([] { is_worker = true; });
  stop.store(true, std::memory_order_relaxed);  // order: [relaxed: only ends the loop]
  storm.join();
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_FALSE(hit_a_worker.load(std::memory_order_relaxed));  // order: [relaxed: after join]
}

TEST(signals, restore_gives_a_worker_the_mask_from_before_the_first_start) {
  run([] {});
  sigset_t restored;
  run([&] {
    filch::restore_signals();
    restored = own_mask();
  });
  EXPECT_EQ(sigismember(&restored, SIGTERM), 0);
  EXPECT_EQ(sigismember(&restored, SIGUSR1), 0);
}

TEST(signals, a_child_spawned_after_restore_dies_of_sigterm) {
  int status = 0;
  run([&] {
    filch::restore_signals();
    const pid_t child = fork();
    if (child == 0) {
      raise(SIGTERM);
      _exit(0);
    }
    waitpid(child, &status, 0);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(signals, restore_before_any_start_changes_nothing) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process where no test ran before
  EXPECT_EXIT(
      {
        sigset_t blocked;
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGUSR2);
        pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
        filch::restore_signals();
        const sigset_t after = own_mask();
        _exit(sigismember(&after, SIGUSR2) == 1 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(os_thread, dropping_a_joinable_thread_terminates) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH({ const os_thread thread = os_thread::start([] { pause(); }, {}); }, "");
}

TEST(os_thread, an_exception_that_leaves_the_body_terminates) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        os_thread thread = os_thread::start([] { throw 1; }, {});
        thread.join();
      },
      "");
}

TEST(os_thread, a_forked_child_may_forget_a_thread_it_does_not_have) {
  std::atomic<bool> go{false};
  os_thread thread = os_thread::start(
      [&] {
        // order: [relaxed: only ends the loop]
        while (!go.load(std::memory_order_relaxed)) std::this_thread::yield();
      },
      {});
  const pid_t child = fork();
  if (child == 0) {
    thread.forget();
    _exit(thread.joinable() ? 1 : 0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  go.store(true, std::memory_order_relaxed);  // order: [relaxed: only ends the loop]
  thread.join();
  EXPECT_EQ(status, 0);
}

}  // namespace
