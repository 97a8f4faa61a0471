// Parking (core/src/sync/event_count.hpp): nobody sleeps while a job lies there.
#include <sync/event_count.hpp>

#include <gtest/gtest.h>

#include <cstdint>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::require;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;

using sleep_here = filch::detail::event_count<model::atomics>;

constexpr std::uint32_t all = 1000;

/// What a producer does. Returns how many will get up.
std::uint32_t call(sleep_here& sleep, std::uint32_t n) {
  model::atomics::fence(std::memory_order_seq_cst);
  const auto chosen = sleep.choose(n);
  sleep.get_up(chosen);
  return chosen;
}

// The workers' queue is a count of jobs, as relaxed as the looks at the product's queues are: only
// the event count orders it.
template <int Jobs>
struct parking {
  sleep_here sleep;
  atomic<int> queued{0};
  atomic<int> done{0};

  void push() {
    queued.fetch_add(1, relaxed);
    call(sleep, 1);
  }
  bool take() {
    auto seen = queued.load(relaxed);
    while (seen > 0) {
      if (queued.compare_exchange_strong(seen, seen - 1, relaxed, relaxed)) return true;
    }
    return false;
  }
  bool over() const { return done.load(relaxed) == Jobs; }

  /// One turn of a worker: a job, or a sleep.
  void look_or_sleep() {
    if (take()) {
      if (done.fetch_add(1, relaxed) + 1 == Jobs) call(sleep, all);
      return;
    }
    sleep.announce();
    if (over() || queued.load(relaxed) > 0) {
      sleep.withdraw();
    } else {
      sleep.sleep();
    }
  }
  void work() {
    while (!over()) look_or_sleep();
  }
  void after() { require(over() && queued.load(relaxed) == 0, "a job was left"); }
};

struct one_worker : parking<2> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i == 0) return work();
    push();
    push();
  }
};
TEST(model_event_count, a_worker_never_sleeps_through_a_push) {
  model::expect_clean<one_worker>({.limits = {.preemptions = 3, .oddities = 1}});
}

struct two_workers : parking<2> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i < 2) return work();
    push();
    push();
  }
};
TEST(model_event_count, two_workers_end_when_all_is_done) {
  model::expect_clean<two_workers>({.limits = {.preemptions = 2, .stale_reads = 1}});
}

struct two_producers : parking<2> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i == 0) return work();
    push();
  }
};
TEST(model_event_count, two_producers_wake_one_worker) {
  model::expect_clean<two_producers>({.limits = {.preemptions = 2}});
}

// Who gets up by a notify sees all that was written before it.
struct handing_over {
  static constexpr int threads = 2;
  sleep_here sleep;
  model::checked<int> data;
  atomic<int> ready{0};
  bool slept = false;
  void thread(int i) {
    if (i == 1) {
      data.write(1);
      ready.store(1, relaxed);
      call(sleep, 1);
      return;
    }
    sleep.announce();
    if (ready.load(relaxed) == 1) {
      sleep.withdraw();
      return;
    }
    sleep.sleep();
    require(ready.load(relaxed) == 1 && data.read() == 1, "woken before the work was visible");
  }
};
TEST(model_event_count, who_is_woken_sees_what_it_was_woken_for) {
  model::expect_clean<handing_over>({.limits = {.preemptions = 4, .oddities = 1}});
}

struct stopping {
  static constexpr int threads = 3;
  sleep_here sleep;
  atomic<int> stop{0};
  void thread(int i) {
    if (i == 2) {
      stop.store(1, relaxed);
      call(sleep, all);
      return;
    }
    sleep.announce();
    if (stop.load(relaxed) == 1) {
      sleep.withdraw();
      return;
    }
    sleep.sleep();
  }
};
TEST(model_event_count, notify_all_reaches_every_sleeper) {
  model::expect_clean<stopping>({.limits = {.preemptions = 3}});
}

// A wake-up ends a sleep that has been announced but not begun.
struct late_sleeper {
  static constexpr int threads = 2;
  sleep_here sleep;
  atomic<int> announced{0};
  void thread(int i) {
    if (i == 0) {
      sleep.announce();
      announced.store(1, std::memory_order_release);
      sleep.sleep();
    } else if (announced.load(acquire) == 1) {
      require(call(sleep, 1) == 1, "a sleeper that announced itself was not seen");
    } else {
      while (announced.load(acquire) == 0) model::the_machine.pause();
      call(sleep, all);
    }
  }
};
TEST(model_event_count, a_wake_up_may_overtake_the_sleep) {
  model::expect_clean<late_sleeper>({.limits = {.preemptions = 4, .oddities = 1}});
}

// Who calls knows exactly who will get up: nobody is called twice, and a sleeper that withdraws
// learns whether it was called.
struct exact {
  static constexpr int threads = 2;
  sleep_here sleep;
  atomic<int> over{0};
  int called = 0;
  int got_up = 0;
  void thread(int i) {
    if (i == 0) {
      sleep.announce();
      if (!sleep.withdraw()) ++got_up;
      sleep.announce();
      sleep.sleep();
      ++got_up;
      over.store(1, relaxed);
      return;
    }
    while (over.load(relaxed) == 0) {
      called += static_cast<int>(call(sleep, 1));
      model::the_machine.pause();
    }
  }
  void after() {
    require(called == got_up, "who was called is not who got up");
    require(sleep.choose(all) == 0, "a sleeper is left on the count");
  }
};
TEST(model_event_count, who_is_called_is_who_gets_up) {
  model::expect_clean<exact>({.limits = {.preemptions = 3, .oddities = 1}});
}

// Two calls, two who get up: whoever has the second one sees what it was made for.
struct one_each {
  static constexpr int threads = 3;
  sleep_here sleep;
  atomic<int> ready{0};
  bool saw_both[2] = {};
  void thread(int i) {
    if (i < 2) {
      sleep.announce();
      sleep.sleep();
      saw_both[i] = ready.load(relaxed) == 2;
      return;
    }
    for (int n = 1; n <= 2; ++n) {
      ready.store(n, relaxed);
      while (call(sleep, 1) == 0) model::the_machine.pause();
    }
  }
  void after() { require(saw_both[0] || saw_both[1], "a call was taken without its cause"); }
};
TEST(model_event_count, each_call_brings_its_cause) {
  model::expect_clean<one_each>({.limits = {.preemptions = 2, .oddities = 1}});
}

}  // namespace
