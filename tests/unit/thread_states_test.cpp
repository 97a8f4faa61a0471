// What the kernel says of threads that do this and that.
#include "sched/thread_states.hpp"

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using filch::detail::system_thread_states;
using filch::detail::this_thread_number;
using doing = filch::detail::thread_look::doing;

/// A thread that does something until it is let go.
class subject {
 public:
  template <class What>
  explicit subject(What what)
      : thread_([this, what] {
          number_ = this_thread_number();
          what(over_);
        }) {
    while (number_ == 0) std::this_thread::yield();
    std::this_thread::sleep_for(20ms);  // it is there by now
  }
  subject(const subject&) = delete;
  subject& operator=(const subject&) = delete;
  ~subject() { thread_.join(); }
  pid_t number() const { return number_; }
  void let_go() { over_ = true; }

 private:
  std::atomic<pid_t> number_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

void spin(const std::atomic<bool>& over) {
  while (!over) {
  }
}

TEST(thread_states, a_thread_that_sleeps_waits) {
  const auto states = system_thread_states();
  const subject sleeper([](auto&) { std::this_thread::sleep_for(300ms); });
  EXPECT_EQ(states->look(0, sleeper.number()).what, doing::waits);
}

TEST(thread_states, a_thread_that_reads_a_silent_pipe_waits) {
  const auto states = system_thread_states();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    const subject reader([&](auto&) {
      char letter = 0;
      EXPECT_EQ(::read(ends[0], &letter, 1), 1);
    });
    EXPECT_EQ(states->look(0, reader.number()).what, doing::waits);
    ASSERT_EQ(::write(ends[1], "x", 1), 1);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(thread_states, a_thread_that_wants_a_mutex_waits_for_a_lock) {
  const auto states = system_thread_states();
  if (states->source() != "syscall") GTEST_SKIP() << "the kernel does not say which call it is";
  std::mutex held;
  held.lock();
  const subject waiter([&](auto&) { const std::lock_guard lock(held); });
  EXPECT_EQ(states->look(0, waiter.number()).what, doing::waits_for_lock);
  held.unlock();
}

TEST(thread_states, threads_that_compute_run_though_there_are_too_many) {
  const auto states = system_thread_states();
  if (states->source() == "clocks") GTEST_SKIP() << "clocks do not tell";
  std::vector<std::unique_ptr<subject>> spinners;
  for (int i = 0; i < 6; ++i) spinners.push_back(std::make_unique<subject>(spin));
  for (int round = 0; round < 50; ++round) {
    for (unsigned i = 0; i < 6; ++i) {
      EXPECT_EQ(states->look(i, spinners[i]->number()).what, doing::runs);
    }
    std::this_thread::sleep_for(1ms);
  }
  for (auto& s : spinners) s->let_go();
}

TEST(thread_states, clocks_go_on_for_those_that_compute_only) {
  const auto states = system_thread_states();
  subject spinner(spin);
  const subject sleeper([](auto&) { std::this_thread::sleep_for(300ms); });
  const auto busy = states->look(0, spinner.number()).cpu;
  const auto idle = states->look(1, sleeper.number()).cpu;
  const auto all = states->process_cpu();
  std::this_thread::sleep_for(100ms);
  EXPECT_GT(states->look(0, spinner.number()).cpu, busy);
  EXPECT_EQ(states->look(1, sleeper.number()).cpu, idle);
  EXPECT_GT(states->process_cpu(), all);
  spinner.let_go();
}

TEST(thread_states, a_place_may_be_another_threads_later) {
  const auto states = system_thread_states();
  if (states->source() == "clocks") GTEST_SKIP() << "clocks do not tell";
  for (const unsigned place : {0U, 1000U}) {
    {
      const subject sleeper([](auto&) { std::this_thread::sleep_for(100ms); });
      EXPECT_EQ(states->look(place, sleeper.number()).what, doing::waits);
    }
    subject spinner(spin);
    EXPECT_EQ(states->look(place, spinner.number()).what, doing::runs);
    spinner.let_go();
  }
}

TEST(thread_states, a_thread_that_has_ended_is_not_blocked) {
  const auto states = system_thread_states();
  if (states->source() == "clocks") GTEST_SKIP() << "clocks do not tell";
  pid_t gone = 0;
  {
    const subject sleeper([](auto&) { std::this_thread::sleep_for(50ms); });
    gone = sleeper.number();
    EXPECT_EQ(states->look(0, gone).what, doing::waits);
  }
  EXPECT_EQ(states->look(0, gone).what, doing::runs);
  EXPECT_EQ(states->look(5, gone).what, doing::runs);
}

TEST(thread_states, a_forked_child_has_a_number_of_its_own) {
  const pid_t mine = this_thread_number();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(this_thread_number() == ::getpid() && ::getpid() != mine ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// The files of a process that must not be dumped belong to root.
TEST(thread_states, where_one_file_may_not_be_read_another_is) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::getuid() == 0 && ::setuid(65'534) != 0) ::_exit(2);
    if (::prctl(PR_SET_DUMPABLE, 0) != 0) ::_exit(3);
    ::_exit(system_thread_states()->source() == "stat" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
