// usage: relacy_programs [schedules]
#include "policy.hpp"

#include <filch/detail/latch.hpp>
#include <filch/detail/split_deque.hpp>
#include <queue/chase_lev.hpp>
#include <sync/event_count.hpp>

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

struct item {
  rl::var<int> payload;
  int runs = 0;
};

// Four items through two slots: growing, reuse, the last item, two thieves.
struct chase_lev : rl::test_suite<chase_lev, 3> {
  // relacy's heap can be used from here on, and must be empty in the end.
  void before() { deque.emplace(2); }
  std::optional<filch::detail::chase_lev<item, relacy::atomics>> deque;
  item items[4];

  void run(item* taken) {
    if (!taken) return;
    RL_ASSERT(taken->payload($) == 1);
    RL_ASSERT(++taken->runs == 1);
  }
  void steal() {
    item* taken = nullptr;
    deque->steal(taken);
    run(taken);
  }
  void thread(unsigned i) {
    if (i > 0) {
      steal();
      steal();
      return;
    }
    for (int n = 0; n < 4; ++n) {
      items[n].payload($) = 1;
      deque->push(&items[n]);
      if (n == 1) run(deque->pop());
    }
    run(deque->pop());
    run(deque->pop());
  }
  void after() {
    while (item* left = deque->pop()) run(left);
    for (auto& each : items) RL_ASSERT(each.runs == 1);
    deque.reset();
  }
};

struct half {
  rl::var<int> result;
  int runs = 0;
};

// Two nested forks; both thieves steal, else take by force.
struct split_deque : rl::test_suite<split_deque, 3> {
  filch::detail::split_deque<half, int, relacy::atomics, 2> deque;
  half halves[2];
  int names[3] = {};

  void run(half& job) {
    RL_ASSERT(++job.runs == 1);
    job.result($) = 1;
  }
  void join(half& right) {
    if (deque.pop() || deque.reclaim()) {
      run(right);
    } else {
      deque.done(deque.newest()).wait();
      deque.forget();
    }
    RL_ASSERT(right.result($) == 1);
  }
  void push(half& right) {
    deque.push(&right);
    if (deque.asked()) deque.answer(false);
  }
  void thread(unsigned i) {
    if (i == 0) {
      push(halves[0]);
      push(halves[1]);
      join(halves[1]);
      join(halves[0]);
      return;
    }
    half* job = nullptr;
    std::uint32_t at = 0;
    if (!deque.steal(job, at, &names[i]) && !deque.force(job, at, &names[i])) return;
    run(*job);
    deque.done(at).set();
  }
};

// Two workers sleep and get up for two jobs, and for the end.
struct event_count : rl::test_suite<event_count, 3> {
  filch::detail::event_count<relacy::atomics> sleep;
  relacy::atomic<int> queued{0};
  relacy::atomic<int> done{0};

  void call(unsigned n) {
    relacy::atomics::fence(std::memory_order_seq_cst);
    sleep.get_up(sleep.choose(n));
  }
  bool take() {
    auto seen = queued.load(relaxed);
    while (seen > 0) {
      if (queued.compare_exchange_strong(seen, seen - 1, relaxed, relaxed)) return true;
    }
    return false;
  }
  void work() {
    while (done.load(relaxed) < 2) {
      if (take()) {
        if (done.fetch_add(1, relaxed) + 1 == 2) call(2);
        continue;
      }
      sleep.announce();
      if (done.load(relaxed) == 2 || queued.load(relaxed) > 0) {
        sleep.withdraw();
        rl::yield(1, $);
      } else {
        sleep.sleep();
      }
    }
  }
  void thread(unsigned i) {
    if (i > 0) return work();
    for (int n = 0; n < 2; ++n) {
      queued.fetch_add(1, relaxed);
      call(1);
    }
  }
};

struct latch : rl::test_suite<latch, 3> {
  filch::detail::basic_latch<relacy::atomics> done;
  rl::var<int> result;

  void thread(unsigned i) {
    if (i == 0) {
      result($) = 7;
      done.nudge();
      done.set();
    } else {
      done.wait();
      RL_ASSERT(result($) == 7);
    }
  }
};

struct countdown : rl::test_suite<countdown, 3> {
  filch::detail::basic_countdown<relacy::atomics> left{2};
  rl::var<int> results[2];

  void thread(unsigned i) {
    if (i < 2) {
      results[i]($) = 1;
      left.arrive();
      return;
    }
    left.done().wait();
    RL_ASSERT(results[0]($) + results[1]($) == 2);
  }
};

// Both must be found: a check that cannot fail proves nothing.
struct without_release : rl::test_suite<without_release, 2> {
  rl::var<int> data;
  relacy::atomic<int> ready{0};
  void thread(unsigned i) {
    if (i == 0) {
      data($) = 1;
      ready.store(1, relaxed);
    } else if (ready.load(std::memory_order_acquire) == 1) {
      RL_ASSERT(data($) == 1);
    }
  }
};
struct without_fence : rl::test_suite<without_fence, 2> {
  relacy::atomic<int> x[2];
  int read[2] = {1, 1};
  void thread(unsigned i) {
    x[i].store(1, relaxed);
    read[i] = x[1 - i].load(relaxed);
  }
  void after() { RL_ASSERT(read[0] + read[1] > 0); }
};

}  // namespace

int main(int count, char** words) {
  const auto schedules = count > 1 ? std::strtoul(words[1], nullptr, 10) : 100'000UL;
  if (relacy::clean<without_release>("a message without release", 10'000, true) ||
      relacy::clean<without_fence>("store buffering without fences", 10'000, true)) {
    std::puts("relacy missed a defect that was planted");
    return 1;
  }
  const bool good = relacy::clean<chase_lev>("chase_lev", schedules) &&
                    relacy::clean<split_deque>("split_deque", schedules) &&
                    relacy::clean<event_count>("event_count", schedules) &&
                    relacy::clean<latch>("latch", schedules) &&
                    relacy::clean<countdown>("countdown", schedules);
  return good ? 0 : 1;
}
