#pragma once

#include <algorithm>
#include <chrono>

namespace filch {
inline namespace v0 {
namespace detail {

/// How many threads may stand in for workers that are blocked in code which said nothing: a pure
/// function of what was seen, so that tests can ask it anything. README.md here tells the reasons.

/// What one look at the pool's threads showed.
struct blocking_view {
  std::chrono::nanoseconds now{0};
  /// Workers the pool has been asked for.
  unsigned width = 1;
  /// Threads it may have.
  unsigned most = 1;
  /// Something waits to be run, and no worker is free for it.
  bool backlog = false;
  /// Threads that were looked at: those that run; those asleep in jobs too young to tell; those
  /// found blocked just now, in a lock or elsewhere; those in locks that are counted already.
  unsigned running = 0;
  unsigned suspects = 0;
  unsigned newly_blocked = 0;
  unsigned newly_in_locks = 0;
  unsigned counted_in_locks = 0;
  /// How busy the process kept as many processors as the pool has workers since the last look:
  /// 0 to 1.
  double load = 0;
};

/// What is remembered between two looks.
struct blocking_state {
  /// Threads above one for each blocked worker.
  unsigned allowance = 0;
  /// Since when locks hold everybody up; below zero: they do not.
  std::chrono::nanoseconds locked_since{-1};
  /// Looks in a row that found nothing to do.
  unsigned quiet = 0;
  /// The last look came early, because of a suspicion.
  bool hurried = false;
};

/// What to do about it.
struct blocking_orders {
  /// So many of those found blocked are counted as such: a thread may stand in for each.
  unsigned count = 0;
  unsigned count_in_locks = 0;
  unsigned allowance = 0;
  /// Until the next look; zero: none is needed until there is a backlog again.
  std::chrono::nanoseconds pause{0};
};

namespace blocking_policy {

using namespace std::chrono_literals;

/// Blocking that is shorter stays unseen, and should. Measured elsewhere and here (README.md).
constexpr std::chrono::nanoseconds tick = 1ms;
/// Where nothing happens looks become rare. Measured choice: beside six other processes that want
/// the processors a look costs some 40 us, so with 20 ms the monitor took 0.21 % of a processor.
constexpr std::chrono::nanoseconds longest_pause = 50ms;
/// So many quiet looks are made at the full rate; after them, none where nothing waits.
constexpr unsigned patient_looks = 8;
/// More threads help nobody whose processors are busy.
constexpr double busy = 0.95;

/// Threads that wait for locks are helped by more threads only where one of those opens the lock:
/// as many as there are workers at once, then one in 10 ms, and one in 25 ms beyond twice as many.
constexpr unsigned lock_ceiling(unsigned width, std::chrono::nanoseconds held_up) noexcept {
  const auto fast = 10ms * width;
  if (held_up <= fast) return width + static_cast<unsigned>(held_up / 10ms);
  return 2 * width + static_cast<unsigned>(std::min<long>((held_up - fast) / 25ms, 1 << 20));
}

constexpr blocking_orders plan(blocking_state& state, const blocking_view& seen) noexcept {
  blocking_orders orders;
  if (seen.backlog && seen.load < busy) {
    orders.count = seen.newly_blocked;
    if (seen.newly_in_locks + seen.counted_in_locks == 0 || seen.running > 0) {
      state.locked_since = -1ns;
    } else if (state.locked_since < 0ns) {
      state.locked_since = seen.now;
    }
    const auto held_up = state.locked_since < 0ns ? 0ns : seen.now - state.locked_since;
    const unsigned ceiling = lock_ceiling(seen.width, held_up);
    orders.count_in_locks =
        std::min(seen.newly_in_locks, ceiling - std::min(ceiling, seen.counted_in_locks));
    // Where most of what was seen blocks, the next ones will.
    if (seen.running >= seen.width) {
      state.allowance = 0;
    } else if (orders.count > 0) {
      state.allowance = std::min(2 * std::max(state.allowance, seen.width), seen.most);
    }
  } else {
    state.allowance = 0;
    state.locked_since = -1ns;
  }
  orders.allowance = state.allowance;

  // A suspicion is worth one early look: where jobs work and wait by turns there always is one.
  state.hurried = !state.hurried && seen.suspects > 0 && state.quiet >= patient_looks;
  state.quiet = orders.count + orders.count_in_locks > 0 ? 0 : state.quiet + 1;
  if (state.quiet <= patient_looks || (state.hurried && seen.backlog)) {
    orders.pause = tick;
  } else if (seen.backlog) {
    const unsigned doublings = std::min(state.quiet - patient_looks, 10U);
    orders.pause = std::min<std::chrono::nanoseconds>(tick * (1 << doublings), longest_pause);
  }
  return orders;
}

}  // namespace blocking_policy

}  // namespace detail
}  // namespace v0
}  // namespace filch
