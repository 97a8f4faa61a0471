// Whom the monitor takes for blocked, by scripted threads.
#include "sched/sampler.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <vector>

namespace {

using namespace std::chrono_literals;
using filch::detail::sampler;
using filch::detail::slot;
using filch::detail::thread_look;
using doing = thread_look::doing;

class script final : public filch::detail::thread_states {
 public:
  thread_look look(unsigned /*place*/, pid_t thread) noexcept override {
    ++looks;
    return threads[thread];
  }
  std::chrono::nanoseconds process_cpu() noexcept override { return 0ns; }
  std::string_view source() const noexcept override { return "script"; }

  std::map<pid_t, thread_look> threads;
  unsigned looks = 0;
};

/// Slots 0 .. n-1 of threads 100 .., each in its first job.
class crowd {
 public:
  explicit crowd(unsigned n, slot::kind kind = slot::kind::worker) {
    for (unsigned i = 0; i < n; ++i) {
      // A slot only keeps where it belongs; the sampler does not look there.
      slots.push_back(std::make_unique<slot>(*static_cast<filch::detail::pool_core*>(nowhere()),
                                             *static_cast<filch::detail::scheduler*>(nowhere()), i,
                                             kind));
      slots.back()->set_thread(thread_of(i));
      slots.back()->run.add();
    }
    watch.restart(n);
  }
  static pid_t thread_of(unsigned i) { return static_cast<pid_t>(100 + i); }
  void set(unsigned i, doing what, std::chrono::nanoseconds cpu = 0ns) {
    states.threads[thread_of(i)] = {what, cpu};
  }
  const sampler::findings& look() {
    now += 1ms;
    return watch.look(
        static_cast<unsigned>(slots.size()), [&](unsigned i) { return slots[i].get(); }, now);
  }
  slot& operator[](unsigned i) { return *slots[i]; }

  script states;
  std::vector<std::unique_ptr<slot>> slots;
  sampler watch{states};
  std::chrono::nanoseconds now{0};

 private:
  static void* nowhere() {
    static std::max_align_t place;
    return &place;
  }
};

TEST(sampler, a_job_must_last_from_one_look_to_the_next) {
  crowd c(1);
  c.set(0, doing::waits);
  EXPECT_TRUE(c.look().blocked.empty());
  EXPECT_EQ(c.look().blocked, std::vector<slot*>{&c[0]});
}

TEST(sampler, jobs_that_come_and_go_are_suspects_at_most) {
  crowd c(1);
  c.set(0, doing::waits);
  for (int i = 0; i < 10; ++i) {
    const auto& found = c.look();
    EXPECT_TRUE(found.blocked.empty());
    EXPECT_EQ(found.running, 0U);
    EXPECT_EQ(found.suspects, 1U);
    c[0].ended.add();
    c[0].run.add();
  }
}

TEST(sampler, a_thread_between_two_jobs_is_not_asked_for) {
  crowd c(1);
  c[0].ended.add();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(c.look().blocked.empty());
  EXPECT_EQ(c.states.looks, 0U);
}

TEST(sampler, locks_are_a_class_of_their_own) {
  crowd c(2);
  c.set(0, doing::waits_for_lock);
  c.set(1, doing::waits);
  c.look();
  const auto& found = c.look();
  EXPECT_EQ(found.in_locks, std::vector<slot*>{&c[0]});
  EXPECT_EQ(found.blocked, std::vector<slot*>{&c[1]});
}

TEST(sampler, who_runs_is_counted) {
  crowd c(2);
  c.set(0, doing::runs);
  c.set(1, doing::waits);
  c.look();
  EXPECT_EQ(c.look().running, 1U);
}

TEST(sampler, who_waits_now_but_worked_since_the_last_look_runs) {
  crowd c(1);
  c.set(0, doing::waits, 5ms);
  EXPECT_EQ(c.look().suspects, 1U);
  c.set(0, doing::waits, 5ms + 300us);
  EXPECT_EQ(c.look().running, 1U);
  c.set(0, doing::waits, 5ms + 320us);
  EXPECT_EQ(c.look().blocked.size(), 1U);
}

TEST(sampler, who_waits_in_the_library_is_left_alone) {
  crowd c(1);
  c.set(0, doing::waits_for_lock);
  EXPECT_TRUE(c[0].mark.begin_wait());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(c.look().in_locks.empty());
  EXPECT_EQ(c.states.looks, 0U);
}

TEST(sampler, who_was_noticed_and_goes_on_is_found_within_a_few_looks) {
  crowd c(1);
  c.set(0, doing::waits);
  c.look();
  c.look();
  EXPECT_TRUE(c[0].mark.notice([] { return true; }));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(c.look().going_on.empty());
  c.set(0, doing::runs);
  bool found = false;
  for (int i = 0; i < 4; ++i) found |= c.look().going_on == std::vector<slot*>{&c[0]};
  EXPECT_TRUE(found);
}

TEST(sampler, those_noticed_in_locks_are_counted_at_each_look) {
  crowd c(1);
  c.set(0, doing::waits_for_lock);
  c.look();
  c.look();
  EXPECT_TRUE(c[0].mark.notice([] { return true; }));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(c.look().still_in_locks, 1U);
}

TEST(sampler, whether_a_job_is_still_there) {
  crowd c(1);
  c.set(0, doing::waits);
  c.look();
  EXPECT_TRUE(c.watch.is_still_there(c[0]));
  c[0].ended.add();
  EXPECT_FALSE(c.watch.is_still_there(c[0]));
  c[0].run.add();
  EXPECT_FALSE(c.watch.is_still_there(c[0]));
}

TEST(sampler, of_many_threads_each_has_its_turn) {
  crowd c(200);
  for (unsigned i = 0; i < 200; ++i) c.set(i, doing::runs);
  c.set(199, doing::waits);
  c.set(3, doing::waits);
  c.look();
  bool last = false, first = false;
  for (int i = 0; i < 8; ++i) {
    const unsigned before = c.states.looks;
    for (const slot* s : c.look().blocked) (s->index == 199 ? last : first) = true;
    EXPECT_LE(c.states.looks - before, 64U);
  }
  EXPECT_TRUE(first);
  EXPECT_TRUE(last);
}

TEST(sampler, a_caller_is_in_a_job_as_long_as_it_is_there) {
  crowd c(1, slot::kind::guest);
  c[0].ended.add();
  c.set(0, doing::waits);
  c.look();
  EXPECT_EQ(c.look().blocked.size(), 1U);
  c[0].set_thread(0);
  EXPECT_TRUE(c.look().blocked.empty());
}

}  // namespace
