#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <filch/detail/atomics.hpp>

#include "sync/event_count.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// The threads of a pool that are awake, those that sleep, and who wakes whom: the steps by which
/// no job is left while somebody who could run it sleeps. README.md here tells the protocol.
///
/// `Place` is where jobs lie. It answers, with relaxed reads that the steps here order:
///   sees_queued()      a queue holds a job, or a thread that sleeps has forks
///   sees_forks()       a deque of forks holds one
///   ask_for_forks()    leaves a hint at every deque of forks that some are wanted
///   ask_for_good()     leaves questions there that will stand; false if all stood already
///   wants_stand_in()   more workers are blocked than stand-ins work
///   call_others(n)     nobody sleeps here, so it gets threads from elsewhere
///   watch()            all are at work: somebody looks from outside whether they get on
/// Threads: any.
template <class Place, class Atomics = std_atomics>
class crew {
 public:
  crew(Place& place, unsigned width) noexcept : place_(place), width_(static_cast<int>(width)) {}
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;

  // ---- work has appeared ----

  /// `n` jobs were queued. One who looks for work already will find them: it looks at everything
  /// once more before it stops. For the others sleepers are woken.
  void wake(std::size_t n) noexcept {
    // order: what was queued before is seen by who stops to search or goes to sleep and is not
    // seen here [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    // order: [relaxed: ordered by the fence above]
    const auto searching = static_cast<std::size_t>(searchers_.load(std::memory_order_relaxed));
    if (searching >= n) return;
    n -= searching;
    const std::size_t called = call(n);
    if (called < n) place_.call_others(n - called);
  }
  /// Forks were made public. In a crowded pool they can wait for their owner. Where many are at
  /// work more than one is woken: those that get up one after the other come too late for a short
  /// call. Measured choice, simulated (bench/scale): on 64 workers 0.917 of the ideal instead of
  /// 0.877 on uts T1, 0.910 instead of 0.866 on nqueens.
  void wake_for_forks() noexcept {
    // order: either a thread that stops working sees what is public now, or we see one less
    // [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    if (crowded() && !place_.wants_stand_in()) return place_.watch();
    // order: [relaxed: a count]
    const int at_work = active_.load(std::memory_order_relaxed);
    wake(1 + static_cast<std::size_t>(std::max(at_work, 0)) / 4);
  }
  /// Makes every sleeper look around once.
  void wake_all() noexcept {
    // order: as in wake [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    call(most_called);
  }

  /// Whoever stops looking for work asks here: from now on owners answer at their next fork, and
  /// what was queued or forked before is seen. That pairs with the fence of `wake`, for queues;
  /// for forks, whose owners cross no fence, the heavy one stands in for theirs.
  bool has_work() const noexcept {
    // order: an owner that forgets a question which is still seen here sees what this thread has
    // changed before, and wakes [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    place_.ask_for_forks();
    if (sees_work()) return true;
    // The barrier, which interrupts every core, is for those who have seen nothing and leave a
    // question that did not stand.
    if (!place_.ask_for_good()) return false;
    // order: either a pusher sees what this thread just changed, or we see its job [pair:SLEEP];
    // and either an owner is asked at its next fork, or we see the fork [pair:FORK-ASK]
    Atomics::heavy_fence();
    return sees_work();
  }
  /// For engines, after they counted a thread out: whether they must send one.
  bool needs_another() const noexcept {
    // order: either a pusher, or who makes the pool less crowded, sees what this thread just
    // changed, or we see its job and one thread less [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    return is_needed();
  }
  /// Wakes who is needed for jobs that are there already.
  void look_again() noexcept {
    if (has_work()) wake(1);
  }

  // ---- who is at work ----

  /// True if as many threads are at work as should be, `without` so many of them.
  bool crowded(int without = 0) const noexcept {
    // order: [relaxed: who lowers the count looks for work behind a fence]
    const int at_work = active_.load(std::memory_order_relaxed);
    // order: [relaxed: who raises it looks for work behind a fence]
    return at_work - without >= width_ + more_.load(std::memory_order_relaxed);
  }
  /// So many more than the pool's width should be at work. Who raises it looks for work afterwards.
  void allow_more(unsigned n) noexcept {
    // order: [relaxed: as above]
    more_.store(static_cast<int>(n), std::memory_order_relaxed);
  }
  /// A thread begins to work, or goes on after it slept in a job.
  void one_more() noexcept {
    // order: [relaxed: a count; who lowers it looks for work behind a fence]
    active_.fetch_add(1, std::memory_order_relaxed);
  }
  /// A thread ends. Requires: somebody looks for work behind a fence afterwards.
  void leave(bool& searching) noexcept {
    give_up_search(searching);
    // order: [relaxed: a count; who sent the thread looks for work behind a fence]
    active_.fetch_sub(1, std::memory_order_relaxed);
  }
  /// A guest goes: it has joined its forks, so if it was the last at work there are none.
  void guest_goes() noexcept { one_less(false); }
  /// A guest begins to sleep: it may have forks that only others can run now.
  void guest_rests() noexcept { one_less(true); }
  /// A thread of the pool begins to sleep inside a job; what it leaves, and what the pool was too
  /// crowded for, is somebody else's now.
  void worker_blocks() noexcept { one_less(true); }

  // ---- who searches; `searching` is the thread's own mark ----

  void begin_search(bool& searching) noexcept {
    if (searching) return;
    searching = true;
    // order: [relaxed: a searcher's own look at the queues comes later]
    searchers_.fetch_add(1, std::memory_order_relaxed);
  }
  /// A searcher has found something. Producers have relied on the last one until now, so it looks
  /// for more before it begins. Where the pool is crowded already, forks can wait for their owners.
  void end_search(bool& searching) noexcept {
    if (!searching) return;
    searching = false;
    // order: [relaxed: ordered by the fence below]
    if (searchers_.fetch_sub(1, std::memory_order_relaxed) > 1) return;
    // order: either a producer, or a thread that stops to work, sees that nobody searches, or we
    // see its job and one thread less [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    if (!crowded() || place_.wants_stand_in()) {
      look_again();
    } else {
      if (place_.sees_queued()) wake(1);
      place_.watch();
    }
  }

  // ---- sleeping: announce_sleep; then sleep or withdraw ----

  /// Counts the thread out.
  void announce_sleep(bool& searching) noexcept {
    give_up_search(searching);
    // order: [relaxed: a count; the fence of announce follows]
    active_.fetch_sub(1, std::memory_order_relaxed);
    sleep_.announce();
  }
  /// After announcing: true if the thread must not sleep. Who still searches will look at
  /// everything before it stops, so the barrier is left to the last one.
  bool is_needed() const noexcept {
    // order: [relaxed: ordered by the fence of the announcement: either we see who searches, or its
    // look comes after ours and it sees that we sleep [pair:SLEEP]]
    if (searchers_.load(std::memory_order_relaxed) > 0) return false;
    if (!crowded()) return has_work();
    place_.watch();
    return place_.sees_queued();
  }
  /// Both count the thread in again, as one that searches.
  void sleep(bool& searching) noexcept {
    sleep_.sleep();
    one_more();
    searching = true;  // who called has counted it already
  }
  void withdraw(bool& searching) noexcept {
    const bool called = !sleep_.withdraw();
    one_more();
    if (called) {
      searching = true;
    } else {
      begin_search(searching);
    }
  }

 private:
  bool sees_work() const noexcept { return place_.sees_queued() || place_.sees_forks(); }

  static constexpr std::size_t most_called = 1U << 20;

  /// Wakes up to `n` sleepers, who count as searchers from now on: while one gets up nobody else
  /// is called for what it will find. Returns how many. Requires: a fence before.
  std::size_t call(std::size_t n) noexcept {
    const auto chosen = sleep_.choose(static_cast<std::uint32_t>(std::min(n, most_called)));
    if (chosen == 0) return 0;
    // order: [relaxed: a count; who stops to search looks behind a fence]
    searchers_.fetch_add(static_cast<int>(chosen), std::memory_order_relaxed);
    sleep_.get_up(chosen);
    return chosen;
  }
  void give_up_search(bool& searching) noexcept {
    if (!searching) return;
    searching = false;
    // order: [relaxed: a fence and a last look at everything follow]
    searchers_.fetch_sub(1, std::memory_order_relaxed);
  }
  void one_less(bool leaves_forks) noexcept {
    // order: [relaxed: ordered by the fence below]
    const bool last = active_.fetch_sub(1, std::memory_order_relaxed) == 1;
    // order: either an owner sees one thread less, or we see who searches, or its job [pair:SLEEP]
    Atomics::fence(std::memory_order_seq_cst);
    // order: [relaxed: ordered by the fence above]
    if (searchers_.load(std::memory_order_relaxed) != 0) return;
    if (!last || leaves_forks) return look_again();
    if (place_.sees_queued()) wake(1);
  }

  Place& place_;
  const int width_;
  // Each on a line of its own: searchers come and go by the job, guests by the call.
  event_count<Atomics> sleep_;
  // Called, or awake and in no job.
  alignas(64) typename Atomics::template atomic<int> searchers_{0};
  // Awake: searchers, threads in jobs, guests.
  alignas(64) typename Atomics::template atomic<int> active_{0};
  typename Atomics::template atomic<int> more_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
