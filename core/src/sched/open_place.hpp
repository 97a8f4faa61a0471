#pragma once

#include <atomic>
#include <cstdint>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Where a thread leaves something on its frame for others to look at, at next to no cost for the
/// thread: two stores and a load. A visitor pays a barrier. Needs `has_heavy_fence()`; without it
/// nobody may visit. README.md here tells the protocol ("Open parts of loops").
template <class T, class Atomics = std_atomics>
class open_place {
 public:
  /// A hint.
  bool looks_empty() const noexcept {
    // order: [relaxed: a hint, or ordered by the asker's fence]
    return what_.load(std::memory_order_relaxed) == nullptr;
  }

  // ---- the owner's side

  /// What is there; null also if a visitor has taken it.
  T* mine() const noexcept {
    // order: [relaxed: put there by this thread]
    return what_.load(std::memory_order_relaxed);
  }
  void put(T* what) noexcept {
    // order: a visitor sees it made [pair:OPEN]
    what_.store(what, std::memory_order_release);
  }
  /// Puts `other` (of an outer frame, or null) in its place. Afterwards nobody looks at what was
  /// there, and the owner sees what visitors did to it. Blocks: while a visitor is there, which
  /// takes no longer than its look.
  void replace(T* other) noexcept {
    // order: as in put [pair:OPEN]
    what_.store(other, std::memory_order_release);
    // order: either we see the visitor, or it sees, behind its barrier, what is there now
    // [pair:OPEN-VISIT]
    Atomics::light_fence();
    // order: what the last visitor did is visible [pair:OPEN-VISIT]
    auto seen = visitor_.load(std::memory_order_acquire);
    while (seen != nobody) {
      // order: if it has gone already we see what it did [pair:OPEN-VISIT]
      if (seen == waited_for ||
          visitor_.compare_exchange_strong(seen, waited_for, std::memory_order_acquire,
                                           std::memory_order_acquire)) {
        Atomics::wait(visitor_, waited_for);
        // order: as above [pair:OPEN-VISIT]
        seen = visitor_.load(std::memory_order_acquire);
      }
    }
  }

  // ---- a visitor's side

  /// Looks at what is there, alone, and while the owner cannot take it away: `look` gets it and
  /// must be short. Nobody else finds it afterwards. True if there was something and `look` says
  /// true.
  template <class Look>
  bool visit(Look look) noexcept {
    std::uint32_t free = nobody;
    // order: [relaxed: the barrier below orders it behind what the last visitor did]
    if (!visitor_.compare_exchange_strong(free, here, std::memory_order_relaxed,
                                          std::memory_order_relaxed)) {
      return false;
    }
    // order: either the owner sees us, or we see what it has put there instead; and what the last
    // visitor did [pair:OPEN-VISIT]
    Atomics::heavy_fence();
    // order: sees it made [pair:OPEN]
    T* seen = what_.load(std::memory_order_acquire);
    const bool took = seen && look(*seen);
    if (seen) {
      // order: [relaxed: the owner's own stores come later or earlier, either will do]
      what_.compare_exchange_strong(seen, nullptr, std::memory_order_relaxed,
                                    std::memory_order_relaxed);
    }
    // order: hands over to the owner and the next visitor [pair:OPEN-VISIT]
    if (visitor_.exchange(nobody, std::memory_order_release) == waited_for) {
      Atomics::wake(&visitor_, 1);
    }
    return took;
  }

 private:
  static constexpr std::uint32_t nobody = 0, here = 1, waited_for = 2;

  typename Atomics::template atomic<T*> what_{nullptr};
  typename Atomics::template atomic<std::uint32_t> visitor_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
