// The word of a thread that looks while there may be something to see
// (core/src/sched/sleep_word.hpp), as the monitor and the crew use it: nothing is left to see while
// it sleeps and nobody wakes it, and it ends when it is stopped.
#include <sched/crew.hpp>
#include <sched/sleep_word.hpp>
#include <sync/short_lock.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include <filch/detail/latch.hpp>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::atomics;
using model::checked;
using model::require;
using word_type = filch::detail::sleep_word<atomics>;

constexpr auto relaxed = std::memory_order_relaxed;

/// What there may be to see, and how it is told.
enum class news { job, forks, part, surplus };

/// A pool of one worker, which is at work, and its monitor.
struct crowded_pool {
  word_type word;
  filch::detail::crew<crowded_pool, atomics> crew{*this, 1};
  atomic<int> queued{0}, forked{0}, open{0}, surplus{0};
  filch::detail::basic_latch<atomics> all_seen;
  int seen = 0;

  crowded_pool() { crew.one_more(); }
  virtual ~crowded_pool() = default;

  // ---- what the crew asks
  bool sees_queued() const { return queued.load(relaxed) != 0; }
  bool sees_forks() const { return forked.load(relaxed) != 0; }
  void ask_for_forks() {}
  bool ask_for_good() { return false; }
  bool wants_stand_in() const { return false; }
  void call_others(std::size_t /*n*/) {
    word.watch_closely([this] { begin(); });
  }
  void watch() {
    word.watch([this] { begin(); });
  }

  // ---- who makes work
  virtual void begin() {
    if (word.begin()) word.wake();
  }
  void make(news what) {
    switch (what) {
      case news::job:
        queued.fetch_add(1, relaxed);
        return crew.wake(1);
      case news::forks:
        forked.fetch_add(1, relaxed);
        return crew.wake_for_forks();
      case news::part:  // as scheduler::opened_part does
        open.store(1, relaxed);
        atomics::light_fence();
        if (crew.crowded()) watch();
        return;
      case news::surplus:  // as scheduler::count_in does
        surplus.store(1, relaxed);
        return word.fence_and_watch([this] { begin(); });
    }
  }

  // ---- the monitor
  static int take(atomic<int>& of) { return of.load(relaxed) == 0 ? 0 : of.exchange(0, relaxed); }
  bool look() {
    const int n = take(queued) + take(forked) + take(open);
    seen += n;
    return n != 0;
  }
  /// As monitor::fall_asleep and scheduler::is_held_up do.
  bool fall_asleep() {
    return word.fall_asleep([this] {
      seen += take(surplus);
      if (crew.has_work()) return crew.crowded();
      atomics::heavy_fence();
      return open.load(relaxed) != 0;
    });
  }
};

/// The monitor, which looks already, against one or two who make work; the first of them stops it
/// when all was seen. `Dozes`: it pauses after each look, until the time is up.
template <int Makers, int Each, news First, news Second, bool Dozes = false>
struct watching : crowded_pool {
  static constexpr int threads = 1 + Makers;
  explicit watching(bool looks = true) {
    if (looks) word.begin();
  }

  void thread(int me) {
    if (me == 0) return monitor();
    for (int i = 0; i < Each; ++i) make(me == 1 ? First : Second);
    if (me != 1) return;
    all_seen.wait();
    word.stop();
  }
  void monitor() {
    while (word.await_begin()) look_for_a_while();
  }
  void look_for_a_while() {
    bool again = false;
    do {
      if (word.is_stopping()) return;
      if (Dozes) word.pause(true, [](auto&, std::uint32_t) { return false; });
      again = look() || !fall_asleep();
      if (seen == Makers * Each) all_seen.set();
    } while (again);
  }
};

TEST(model_sleep_word, no_job_is_left_while_the_monitor_sleeps) {
  model::expect_clean<watching<1, 1, news::job, news::job>>(
      {.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_sleep_word, the_monitor_is_woken_again_and_again) {
  model::expect_clean<watching<1, 2, news::job, news::job>>({.limits = {.preemptions = 2}});
}

TEST(model_sleep_word, no_job_of_two_is_left_while_the_monitor_sleeps) {
  model::expect_clean<watching<2, 1, news::job, news::job>>(
      {.limits = {.preemptions = 2, .stale_reads = 1}});
}

TEST(model_sleep_word, no_forks_are_left_while_the_monitor_sleeps) {
  model::expect_clean<watching<1, 1, news::forks, news::forks>>(
      {.limits = {.preemptions = 2, .oddities = 1}});
}

TEST(model_sleep_word, no_open_part_is_left_while_the_monitor_sleeps) {
  model::expect_clean<watching<1, 1, news::part, news::part>>(
      {.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_sleep_word, no_spare_too_many_is_left_while_the_monitor_sleeps) {
  model::expect_clean<watching<1, 1, news::surplus, news::surplus>>(
      {.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_sleep_word, a_job_and_an_open_part_are_both_seen) {
  model::expect_clean<watching<2, 1, news::job, news::part>>(
      {.limits = {.preemptions = 2, .stale_reads = 1}});
}

TEST(model_sleep_word, who_dozes_between_its_looks_falls_asleep_in_the_end) {
  model::expect_clean<watching<1, 1, news::job, news::job, true>>(
      {.limits = {.preemptions = 2}, .widest = 2});
}

// What was done before a begin, or a rouse, is seen by the looks that follow.
struct handing_over : crowded_pool {
  static constexpr int threads = 2;
  checked<int> before_begin{0}, before_rouse{0};
  atomic<int> dozes{0}, over{0};

  void thread(int me) {
    if (me == 1) return hand_over();
    require(word.await_begin(), "it was stopped by nobody");
    require(before_begin.read() == 1, "began before the work was visible");
    dozes.store(1, relaxed);
    // The time may be up just as somebody rouses it.
    const auto how = word.pause(true, [](auto& at, std::uint32_t held) {
      atomics::wait(at, held);
      return false;
    });
    if (how == word_type::pause_end::roused) {
      require(before_rouse.read() == 1, "roused before the work was visible");
    }
    over.store(1, relaxed);
  }
  void hand_over() {
    before_begin.write(1);
    watch();
    while (dozes.load(relaxed) == 0) model::the_machine.pause();
    before_rouse.write(1);
    queued.store(1, relaxed);
    while (over.load(relaxed) == 0) {
      crew.wake(1);
      model::the_machine.pause();
    }
  }
};
TEST(model_sleep_word, who_looks_sees_what_it_was_called_for) {
  model::expect_clean<handing_over>({.limits = {.preemptions = 3, .oddities = 1}});
}

// Stopped wherever it is, however long it would sleep there: it ends.
template <bool Dozes>
struct stopping_a_pause : crowded_pool {
  static constexpr int threads = 3;
  void thread(int me) {
    if (me == 1) return word.stop();
    if (me == 2) return make(news::job);
    while (word.await_begin()) {
      while (word.pause(Dozes, [](auto& at, std::uint32_t held) {
        atomics::wait(at, held);
        return true;
      }) != word_type::pause_end::stopped) {
        look();
      }
    }
  }
  void after() { require(word.is_stopping(), "the stop was forgotten"); }
};
TEST(model_sleep_word, a_stop_ends_a_pause) {
  model::expect_clean<stopping_a_pause<false>>({.limits = {.preemptions = 3, .oddities = 1}});
}
TEST(model_sleep_word, a_stop_ends_a_doze) {
  model::expect_clean<stopping_a_pause<true>>({.limits = {.preemptions = 3, .oddities = 1}});
}

// The same where the monitor comes and goes.
template <bool Dozes>
struct stopping : watching<1, 1, news::job, news::job, Dozes> {
  static constexpr int threads = 3;
  void thread(int me) {
    if (me == 0) return this->monitor();
    if (me == 1) return this->word.stop();
    this->make(news::job);
  }
  void after() { require(this->word.is_stopping(), "the stop was forgotten"); }
};
TEST(model_sleep_word, a_stop_is_not_missed_by_who_falls_asleep) {
  model::expect_clean<stopping<false>>({.limits = {.preemptions = 2, .oddities = 1}});
}
TEST(model_sleep_word, a_stop_is_not_missed_by_who_dozes_and_falls_asleep) {
  model::expect_clean<stopping<true>>({.limits = {.preemptions = 2}, .widest = 2});
}

/// Started by the first begin for which there is a thread, as monitor::begin does it.
struct started_late : watching<1, 2, news::job, news::job> {
  filch::detail::basic_short_lock<atomics, 0> starting;
  filch::detail::basic_latch<atomics> started;
  int refusals = 1;
  started_late() : watching(false) {}
  void begin() override {
    if (!word.begin()) return;
    starting.lock();
    if (word.is_stopping()) {
    } else if (started.is_set()) {
      word.wake();
    } else if (refusals-- == 0) {
      started.set();
    } else {
      word.call_off();
    }
    starting.unlock();
  }
  void thread(int me) {
    if (me == 0) started.wait();
    watching::thread(me);
  }
};
TEST(model_sleep_word, the_next_to_ask_begins_where_the_last_was_called_off) {
  model::expect_clean<started_late>({.limits = {.preemptions = 2, .oddities = 1}});
}

struct never_started : started_late {
  static constexpr int threads = 2;
  void thread(int me) {
    if (me == 0) return make(news::job);
    starting.lock();
    word.stop();
    starting.unlock();
  }
  void after() { require(word.is_stopping(), "the stop was forgotten"); }
};
TEST(model_sleep_word, a_stop_is_not_missed_where_nobody_can_begin) {
  model::expect_clean<never_started>({.limits = {.preemptions = 3, .oddities = 1}});
}

}  // namespace
