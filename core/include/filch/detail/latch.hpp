#pragma once

#include <chrono>
#include <climits>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// A one-shot door: closed until `set()`, open for ever after. Any number of threads may wait.
///
/// Lifetime: `set()` touches the latch for the last time with its exchange; after that it only
/// names the word's *address* to the kernel. A waiter that sees the latch set may therefore
/// destroy it at once, which is what frames on a stack do.
/// Sees: everything sequenced before `set()` is visible after `is_set()` returned true.
template <class Atomics = std_atomics>
class basic_latch {
 public:
  basic_latch() noexcept = default;
  basic_latch(const basic_latch&) = delete;
  basic_latch& operator=(const basic_latch&) = delete;

  bool is_set() const noexcept {
    // order: the setter's results are visible to who sees the latch set [pair:LATCH]
    return word_.load(std::memory_order_acquire) == opened;
  }

  void set() noexcept {
    const auto* address = &word_;
    // order: publishes the results; nothing of *this may be read afterwards [pair:LATCH]
    if (word_.exchange(opened, std::memory_order_acq_rel) >= slept_on) {
      Atomics::wake(address, INT_MAX);
    }
  }

  /// Announces a sleeper; returns the key for `sleep`, or 0 when the latch is set.
  std::uint32_t prepare() noexcept {
    std::uint32_t seen = closed;
    // order: a failed exchange that finds `opened` sees the results, too [pair:LATCH]
    if (word_.compare_exchange_strong(seen, slept_on, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      return slept_on;
    }
    return seen == opened ? 0 : seen;
  }
  /// Sleeps until set or nudged after `prepare` gave the key; may return without cause.
  void sleep(std::uint32_t key) noexcept { Atomics::wait(word_, key); }

  /// Makes sleepers return from `sleep` though the latch stays closed: they have something else
  /// to look at. Requires: somebody keeps the latch alive.
  void nudge() noexcept {
    // order: [relaxed: what there is to look at is published by its own queue; the exchange only
    // changes the key]
    auto seen = word_.load(std::memory_order_relaxed);
    while (seen >= slept_on) {
      // order: keeps the chain of a setter's release intact; there is none before it [pair:LATCH]
      if (word_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        Atomics::wake(&word_, INT_MAX);
        return;
      }
    }
  }

  /// Closes an open latch for its next use. Requires: nobody waits, and whoever sets it next comes
  /// to know of it later than this. A wake-up of the last setter may still arrive, without cause.
  void close_again() noexcept {
    // order: [relaxed: handed to the next setter by what tells it]
    word_.store(closed, std::memory_order_relaxed);
  }

  /// Blocks until set.
  void wait() noexcept {
    while (const auto key = prepare()) sleep(key);
  }

  /// Blocks until set or `deadline`; tells whether it is set.
  bool wait_until(std::chrono::steady_clock::time_point deadline) noexcept {
    while (const auto key = prepare()) {
      if (!futex_wait_until(word_, key, deadline)) return is_set();
    }
    return true;
  }

 private:
  // Above slept_on: slept on, and nudged that often.
  enum : std::uint32_t { closed = 0, opened = 1, slept_on = 2 };

  typename Atomics::template atomic<std::uint32_t> word_{closed};
};

using latch = basic_latch<>;

/// A latch that opens at the n-th arrival; more arrivals may be announced by who has not arrived.
template <class Atomics = std_atomics>
class basic_countdown {
 public:
  explicit basic_countdown(std::size_t expected = 0) noexcept : left_(expected) {}

  /// Announces `n` more arrivals. Requires: an arrival that is still outstanding, or no waiter yet.
  void expect(std::size_t n) noexcept {
    // order: [relaxed: only the last arrival publishes, and it is ordered by the decrements]
    left_.fetch_add(n, std::memory_order_relaxed);
  }

  /// Counts `n` arrivals; the caller's last access to *this.
  void arrive(std::size_t n = 1) noexcept {
    // order: each arrival's results reach the last one, which sets the latch [pair:COUNTDOWN]
    if (left_.fetch_sub(n, std::memory_order_acq_rel) == n) done_.set();
  }

  basic_latch<Atomics>& done() noexcept { return done_; }

 private:
  typename Atomics::template atomic<std::size_t> left_;
  basic_latch<Atomics> done_;
};

using countdown = basic_countdown<>;

}  // namespace detail
}  // namespace v0
}  // namespace filch
