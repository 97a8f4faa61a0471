#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "scale/machine.hpp"

/// \file
/// What a thread of the pool works from: its deque of forks, as core's split_deque.hpp has it, in
/// the three cache lines that it keeps apart.

namespace filch::bench::scale {

struct slot;

/// The chain of what runs below what: a waiter may only run what is below the half it waits for.
struct context {
  const context* parent = nullptr;
  const void* what = nullptr;
};

/// The right half of a fork, as long as it lies in a deque or is a thief's.
struct half {
  /// Where its caller's frame is, in the frames of the slot it was forked on.
  unsigned frame = 0;
  const context* below = nullptr;
  slot* owner = nullptr;
  slot* thief = nullptr;
  half* next_passed = nullptr;

  // Its latch.
  bool over = false;
  bool slept_on = false;
  bool nudged = false;
};

struct split_word {
  unsigned stolen = 0;
  unsigned split = 0;
  bool marked = false;
  bool operator==(const split_word&) const = default;
};

/// What lies with an owner for its next fork: nothing, a thief's question, or one by a thread that
/// has gone to sleep.
enum class question : std::uint8_t { none, hint, stands };

struct slot : sim_thread {
  static constexpr unsigned capacity = 1024;

  explicit slot(unsigned index) : seed(index * 2654435761U + 1) { number = index; }

  // The deque.
  unsigned tail = 0;
  split_word word;
  question asked_by = question::stands;
  bool forcing = false;
  std::array<half, capacity> halves;
  line tail_line, word_line;

  bool looks_empty() const noexcept { return tail <= word.stolen; }
  bool has_public() const noexcept { return !word.marked && word.stolen < word.split; }
  bool asked() const noexcept { return asked_by != question::none; }

  // What slot.hpp of the scheduler has besides, in the two lines where others read it: whether it
  // sleeps, beside what it counts; and where it is, beside what it writes at each look for work.
  line run_line, look_line;
  bool searching = false;
  bool asleep = false;
  slot* watched = nullptr;
  double watched_since = 0;
  unsigned visits = 0, sweeps = 0;
  bool is_spare = false;
  /// What the thread's forks are a part of now, and its lowest frame that is its own run's.
  const context* here = nullptr;
  unsigned first_frame = 0;

  std::uint32_t seed;
  std::uint32_t random() noexcept {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
  }

  // What it has done; times in nanoseconds.
  std::uint64_t run = 0, stolen = 0, forced = 0, parked = 0;
};

}  // namespace filch::bench::scale
