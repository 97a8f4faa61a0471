#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "sched/slot.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// All slots of a pool that thieves may look into. Slots are made when first needed, given out
/// lowest number first, and never freed before the table. Workers have the lowest numbers, then
/// come guests, then spares: guests may all be asleep for what only a spare can run, so they may
/// not take its place. Threads: any. Cost of `take`: one exchange for each number that is taken,
/// and one.
class slot_table {
 public:
  slot_table(pool_core& core, scheduler& cpu, unsigned workers, unsigned guests, unsigned spares)
      : core_(core),
        cpu_(cpu),
        workers_(workers),
        guests_(guests),
        made_(std::size_t{workers} + guests + spares),
        taken_(made_.size()) {}
  slot_table(const slot_table&) = delete;
  slot_table& operator=(const slot_table&) = delete;
  ~slot_table() {
    for (unsigned i = 0; i < size(); ++i) delete at(i);
  }

  /// A slot for the calling thread, or null if none is left (or no memory for it).
  slot* take(slot::kind role) noexcept {
    const auto [begin, end] = numbers_of(role);
    for (unsigned i = begin; i < end; ++i) {
      // order: [relaxed: a hint; the exchange decides]
      if (taken_[i].load(std::memory_order_relaxed) ||
          // order: what its last thread did to the slot is visible [pair:SLOT-TAKEN]
          taken_[i].exchange(true, std::memory_order_acquire)) {
        continue;
      }
      slot* const s = at(i) ? at(i) : make(i, role);
      if (!s) {
        give(i);
        return nullptr;
      }
      return s;
    }
    return nullptr;
  }
  void give(slot& s) noexcept { give(s.index); }

  /// One past the highest number in use so far.
  unsigned size() const noexcept {
    // order: the slots below it are visible [pair:SLOT]
    return used_.load(std::memory_order_acquire);
  }
  /// The slot of a number below `size()`; null if it was never taken.
  slot* at(unsigned i) const noexcept {
    // order: its construction is visible [pair:SLOT]
    return made_[i].load(std::memory_order_acquire);
  }

 private:
  std::pair<unsigned, unsigned> numbers_of(slot::kind role) const noexcept {
    switch (role) {
      case slot::kind::worker:
        return {0, workers_};
      case slot::kind::guest:
        return {workers_, workers_ + guests_};
      default:
        return {workers_ + guests_, static_cast<unsigned>(made_.size())};
    }
  }
  slot* make(unsigned i, slot::kind role) noexcept {
    slot* s = nullptr;
    try {
      s = new slot(core_, cpu_, i, role);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    // order: a thief that sees the slot sees it constructed [pair:SLOT]
    made_[i].store(s, std::memory_order_release);
    // order: [relaxed: the exchange below decides]
    auto seen = used_.load(std::memory_order_relaxed);
    // order: the slots below are visible to who scans up to here [pair:SLOT]
    while (seen <= i && !used_.compare_exchange_weak(seen, i + 1, std::memory_order_acq_rel,
                                                     std::memory_order_relaxed)) {
    }
    return s;
  }
  void give(unsigned i) noexcept {
    // order: what this thread did to the slot is visible to its next one [pair:SLOT-TAKEN]
    taken_[i].store(false, std::memory_order_release);
  }

  pool_core& core_;
  scheduler& cpu_;
  const unsigned workers_;
  const unsigned guests_;
  // Apart: guests take and give by the call, and thieves read the others all the time.
  std::vector<std::atomic<slot*>> made_;
  std::vector<std::atomic<bool>> taken_;
  std::atomic<unsigned> used_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
