#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "sched/slot.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// All slots of a pool that thieves may look into. Slots are made when first needed, given out
/// lowest number first, and never freed before the table. Numbers below `workers` are for
/// workers; the others are shared by spares and guests.
/// Threads: `take` and `give` lock; `at` and `size` do not.
class slot_table {
 public:
  slot_table(pool_core& core, scheduler& cpu, unsigned workers, unsigned others)
      : core_(core), cpu_(cpu), workers_(workers), slots_(std::size_t{workers} + others) {
    for (unsigned i = workers; i-- > 0;) free_workers_.push_back(i);
    for (unsigned i = workers + others; i-- > workers;) free_others_.push_back(i);
    std::make_heap(free_workers_.begin(), free_workers_.end(), std::greater<>{});
    std::make_heap(free_others_.begin(), free_others_.end(), std::greater<>{});
  }
  ~slot_table() {
    for (unsigned i = 0; i < size(); ++i) delete at(i);
  }

  /// A slot for the calling thread, or null if none is left (or no memory for it).
  slot* take(slot::kind role) noexcept {
    std::lock_guard lock(lock_);
    auto& free = role == slot::kind::worker ? free_workers_ : free_others_;
    if (free.empty()) return nullptr;
    const unsigned i = free.front();
    slot* s = at(i);
    if (!s) {
      try {
        s = new slot(core_, cpu_, i, role);
      } catch (const std::bad_alloc&) {
        return nullptr;
      }
      // order: a thief that sees the slot sees it constructed [pair:SLOT]
      slots_[i].store(s, std::memory_order_release);
      // order: [relaxed: written under the lock]
      if (i >= used_.load(std::memory_order_relaxed)) {
        // order: the slots below are visible to who scans up to here [pair:SLOT]
        used_.store(i + 1, std::memory_order_release);
      }
    }
    // order: [relaxed: read by the thread that has the slot]
    s->role_.store(role, std::memory_order_relaxed);
    std::pop_heap(free.begin(), free.end(), std::greater<>{});
    free.pop_back();
    return s;
  }
  void give(slot& s) noexcept {
    std::lock_guard lock(lock_);
    auto& free = s.index < workers_ ? free_workers_ : free_others_;
    free.push_back(s.index);  // never grows: it held this number before
    std::push_heap(free.begin(), free.end(), std::greater<>{});
  }

  /// One past the highest number in use so far.
  unsigned size() const noexcept {
    // order: the slots below it are visible [pair:SLOT]
    return used_.load(std::memory_order_acquire);
  }
  /// The slot of a number below `size()`; null if it was never taken.
  slot* at(unsigned i) const noexcept {
    // order: its construction is visible [pair:SLOT]
    return slots_[i].load(std::memory_order_acquire);
  }

 private:
  pool_core& core_;
  scheduler& cpu_;
  const unsigned workers_;
  std::vector<std::atomic<slot*>> slots_;
  std::atomic<unsigned> used_{0};
  std::mutex lock_;
  std::vector<unsigned> free_workers_, free_others_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
