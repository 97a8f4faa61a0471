#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace model {

inline constexpr int max_threads = 4;
inline constexpr int max_locations = 64;

/// The place of a store in the modification order of its location. The numbers have gaps, so that
/// a store may come to stand between two others.
using stamp = std::uint16_t;
inline constexpr stamp stamp_gap = 32;

/// What somebody knows: of each location the oldest store that may still be read, and of each
/// thread how much of it happened before.
struct knowledge {
  // One array, so that a join is a few vector instructions.
  std::array<std::uint16_t, max_locations + max_threads> values{};

  std::uint16_t& seen(int location) { return values[static_cast<std::size_t>(location)]; }
  std::uint16_t seen(int location) const { return values[static_cast<std::size_t>(location)]; }
  std::uint16_t& clock(int thread) {
    return values[static_cast<std::size_t>(max_locations + thread)];
  }
  std::uint16_t clock(int thread) const {
    return values[static_cast<std::size_t>(max_locations + thread)];
  }

  void join(const knowledge& other) { join_first(other, values.size()); }
  /// Without the clocks: fences order what is read, they do not make accesses happen before.
  void join_seen(const knowledge& other) { join_first(other, max_locations); }

 private:
  void join_first(const knowledge& other, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) values[i] = std::max(values[i], other.values[i]);
  }
};

/// One store in the history of an atomic.
struct store_record {
  std::uint64_t value;
  stamp at;
  // Written by a read-modify-write: nothing may ever stand between it and the one before.
  bool attached;
  // What an acquire that reads this store learns; carries release sequences on.
  knowledge released;
};

/// One atomic or plain object of the program under test.
struct location {
  const void* address = nullptr;
  bool alive = false;
  bool plain = false;
  int born_by = -1;  // -1: before the threads began
  std::uint16_t born_at = 0;
  // The clock of each thread at its last read or write; 0: never.
  std::array<std::uint16_t, max_threads> reads{};
  std::array<std::uint16_t, max_threads> writes{};
  // Atomics only: in modification order, and the newest store that a waker of this word knew.
  std::vector<store_record> history;
  stamp woken = 0;

  /// The index of the store with this stamp, or of the last one before it.
  std::size_t index_of(stamp at) const {
    std::size_t i = history.size() - 1;
    while (history[i].at > at) --i;
    return i;
  }
  bool is_last(std::size_t i) const { return i + 1 == history.size(); }
  /// Whether another store may come to stand right behind the i-th.
  bool has_room_after(std::size_t i) const {
    return is_last(i) || (!history[i + 1].attached && history[i + 1].at - history[i].at > 1);
  }
  stamp stamp_after(std::size_t i) const {
    if (is_last(i)) return static_cast<stamp>(history[i].at + stamp_gap);
    return static_cast<stamp>((history[i].at + history[i + 1].at) / 2);
  }
};

}  // namespace model
