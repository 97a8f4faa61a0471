#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <vector>

#include "sched/slot.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// All slots of a pool that thieves may look into. Slots are made when first needed, given out
/// lowest number first, and never freed before the table. Numbers below `workers` are for
/// workers; the others are shared by spares and guests.
/// Threads: any. Cost of `take`: one exchange for each number that is taken, and one.
class slot_table {
 public:
  slot_table(pool_core& core, scheduler& cpu, unsigned workers, unsigned others)
      : core_(core), cpu_(cpu), workers_(workers), places_(std::size_t{workers} + others) {}
  slot_table(const slot_table&) = delete;
  slot_table& operator=(const slot_table&) = delete;
  ~slot_table() {
    for (unsigned i = 0; i < size(); ++i) delete at(i);
  }

  /// A slot for the calling thread, or null if none is left (or no memory for it).
  slot* take(slot::kind role) noexcept {
    const bool works = role == slot::kind::worker;
    const auto end = works ? workers_ : static_cast<unsigned>(places_.size());
    for (unsigned i = works ? 0 : workers_; i < end; ++i) {
      auto& taken = places_[i].taken;
      // order: [relaxed: a hint; the exchange decides]
      if (taken.load(std::memory_order_relaxed) ||
          // order: what its last thread did to the slot is visible [pair:SLOT-TAKEN]
          taken.exchange(true, std::memory_order_acquire)) {
        continue;
      }
      slot* const s = at(i) ? at(i) : make(i, role);
      if (!s) {
        give(i);
        return nullptr;
      }
      // order: [relaxed: read by the thread that has the slot]
      s->role_.store(role, std::memory_order_relaxed);
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
    return places_[i].made.load(std::memory_order_acquire);
  }

 private:
  struct place {
    std::atomic<slot*> made{nullptr};
    std::atomic<bool> taken{false};
  };

  slot* make(unsigned i, slot::kind role) noexcept {
    slot* s = nullptr;
    try {
      s = new slot(core_, cpu_, i, role);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    // order: a thief that sees the slot sees it constructed [pair:SLOT]
    places_[i].made.store(s, std::memory_order_release);
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
    places_[i].taken.store(false, std::memory_order_release);
  }

  pool_core& core_;
  scheduler& cpu_;
  const unsigned workers_;
  std::vector<place> places_;
  std::atomic<unsigned> used_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
