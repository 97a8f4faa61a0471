#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include <filch/detail/fork_job.hpp>
#include <filch/detail/job.hpp>

#include "base/machine.hpp"
#include "base/trace_text.hpp"
#include "queue/chase_lev.hpp"
#include "sched/open_part.hpp"
#include "sched/open_place.hpp"
#include "sched/work_mark.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

class waiter;
class scheduler;

/// Counts of one slot, written by its thread only, read by anybody.
class tally {
 public:
  void add(std::uint64_t n = 1) noexcept {
    // order: [relaxed: a statistic with one writer at a time]
    value_.store(value() + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const noexcept {
    // order: [relaxed: a statistic]
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// The place a thread works from: its deques, its counters, what it waits for. A slot serves one
/// thread at a time and lives as long as its pool, so that hints may point to it.
struct alignas(64) slot {
  enum class kind : std::uint8_t { worker, spare, guest, io };

  /// Throws: `bad_alloc`.
  slot(pool_core& pool, scheduler& work, unsigned number, kind what)
      : core(&pool),
        cpu(&work),
        index(number),
        role_(what),
        forks(what == kind::io ? nullptr : std::make_unique<fork_deque>()),
        seed(number * 2654435761U + 1) {}

  /// Which pool it belongs to; compared by address, its scheduler is the next field.
  pool_core* const core;
  scheduler* const cpu;
  const unsigned index;
  const kind role_;
  kind role() const noexcept { return role_; }
  /// See `home()`. Among what never changes: thieves read it more often than it is written.
  std::atomic<std::uint32_t> home_{0};

  /// Halves of forks: strictly last in, first out, so the owner finds its newest one on top. Null
  /// for io threads, which nobody robs.
  const std::unique_ptr<fork_deque> forks;
  /// Jobs on the heap, made by the jobs that ran here.
  chase_lev<job> jobs;

  /// A part of a loop that its thread offers to one that stands in for a blocked thread.
  open_place<open_part> open;

  // Up to `outer` is what guests write in each call; what thieves read of a thread comes after it,
  // on the next line.
  tally run, stolen, forced;
  std::atomic<pid_t> thread_{0};
  /// The part that its thread left open last, whether somebody has come or not; and whether it has
  /// itself come by one.
  bool came_by_open_part = false;
  open_part* own_part = nullptr;
  /// The slot the same thread had before, while it is a guest here.
  slot* outer = nullptr;

  tally parked;
  /// Whether its thread gets on; nobody but thieves will get to the forks of one that does not.
  work_mark<> mark;
  /// Jobs begun and ended here, for who watches the thread: see `progress`.
  tally ended;
  bool is_in_job() const noexcept { return role() == kind::guest || run.value() != ended.value(); }
  /// Changes with each job that begins or ends.
  std::uint64_t progress() const noexcept { return run.value() + ended.value(); }
  /// The kernel's number of the thread that works here; 0: none does, or it does not count here.
  pid_t thread() const noexcept {
    // order: [relaxed: compared with what was seen before]
    return thread_.load(std::memory_order_relaxed);
  }
  void set_thread(pid_t number) noexcept {
    // order: [relaxed: as above]
    thread_.store(number, std::memory_order_relaxed);
  }
  /// Where its thread was when it last began to look for work, for thieves that prefer near
  /// victims; written only on machines where some are far.
  void set_home(cpu_home now) noexcept {
    // order: [relaxed: a hint]
    home_.store(static_cast<std::uint32_t>(now.node) << 16 | now.complex,
                std::memory_order_relaxed);
  }
  cpu_home home() const noexcept {
    // order: [relaxed: a hint]
    const auto seen = home_.load(std::memory_order_relaxed);
    return {0, static_cast<std::uint16_t>(seen), static_cast<std::uint16_t>(seen >> 16)};
  }
  /// Whether the guest counts among the threads at work: not if its thread is one of them already.
  /// Of an io thread: whether it counts against the pool's limit of threads.
  bool counts = true;
  /// What it waits for is no part of its own call.
  bool waits_outside = false;
  /// How many waits and blocking calls the thread is in; it is one blocked worker all the same.
  unsigned blocked = 0;
  /// The thread looks for a job and is counted among those that do.
  bool searching = false;
  /// So many jobs in the deque, its oldest, came from outside: they are begun in their order.
  std::int64_t injected = 0;
  /// How long the injection queue is left to fill before the next look; in pauses.
  unsigned linger = 0;
  /// Looks for a job so far, for fairness.
  unsigned looks = 0;
  /// The victim with private forks only that its thief has its eye on, and since when; nanoseconds
  /// of the steady clock.
  slot* watched = nullptr;
  unsigned visits = 0;
  /// Sweeps over all victims so far: each second one does not prefer near ones.
  unsigned sweeps = 0;
  std::int64_t watched_since = 0;
  /// What the thread is asleep for; guarded by the registry of waits (waits.hpp).
  waiter* waiting = nullptr;

  std::uint32_t seed;
  std::uint32_t random() noexcept {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
  }
};

/// A thread's place as traces name it. None: a caller.
inline trace_place place_of(const slot* home) noexcept {
  if (!home) return {};
  using kind = trace_place::kind;
  switch (home->role()) {
    case slot::kind::worker:
      return {kind::worker, home->index};
    case slot::kind::spare:
      return {kind::stand_in, home->index};
    case slot::kind::guest:
      return {kind::caller, home->index};
    case slot::kind::io:
      return {kind::io, home->index};
  }
  return {};
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
