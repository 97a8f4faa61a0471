#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What an attempt to steal came to. Only `empty` lets a thief think of sleeping: `lost` means
/// that somebody else took a job just now and there may be more.
enum class steal_result : std::uint8_t { empty, lost, taken };

/// A work-stealing deque of pointers: the owner pushes and pops at the bottom, thieves take from
/// the top.
///
/// Source: Chase and Lev 2005; Lê, Pop, Cohen, Zappa Nardelli 2013, with the growth corrected by
/// Norris and Demsky 2013 (the new buffer is published by a release). Our deviation: every store
/// to `bottom` is a release, also those of `pop`, because C++20 no longer lets a relaxed store of
/// the same thread continue a release sequence. Protocol and ledger: README.md here.
/// Threads: `push` and `pop` by the owner only; `steal` and `looks_empty` by anybody.
template <class T, class Atomics = std_atomics>
class chase_lev {
 public:
  explicit chase_lev(std::size_t capacity = 64, std::int64_t start = 0)
      : top_(start), bottom_(start) {
    buffers_.push_back(std::make_unique<buffer>(capacity));
    // order: [relaxed: nobody shares the deque yet]
    current_.store(buffers_.back().get(), std::memory_order_relaxed);
  }
  chase_lev(const chase_lev&) = delete;
  chase_lev& operator=(const chase_lev&) = delete;

  /// Adds at the bottom. Throws: `bad_alloc` when it must grow and cannot; then nothing changed.
  void push(T* item) {
    // order: [relaxed: only the owner writes bottom]
    const auto b = bottom_.load(std::memory_order_relaxed);
    // order: a thief's claim of the oldest slot is seen before that slot is reused [pair:DEQUE-TOP]
    const auto t = top_.load(std::memory_order_acquire);
    // order: [relaxed: only the owner changes the buffer]
    auto* buf = current_.load(std::memory_order_relaxed);
    if (b - t >= buf->capacity()) buf = grow(*buf, t, b);
    buf->put(b, item);
    // order: the item and the slot are visible to who sees the new bottom [pair:DEQUE-BOTTOM]
    bottom_.store(b + 1, std::memory_order_release);
  }

  /// Takes the newest item, or null.
  T* pop() noexcept {
    // order: [relaxed: only the owner writes bottom]
    const auto b = bottom_.load(std::memory_order_relaxed) - 1;
    // order: [relaxed: top only grows, and bottom is the owner's, so what looks empty is]
    if (top_.load(std::memory_order_relaxed) > b) return nullptr;
    // order: continues what push published, for thieves that read this store [pair:DEQUE-BOTTOM]
    bottom_.store(b, std::memory_order_release);
    // order: the lowered bottom is seen by every thief whose top we do not see yet [pair:DEQUE-SC]
    Atomics::fence(std::memory_order_seq_cst);
    // order: [relaxed: ordered by the fence above]
    auto t = top_.load(std::memory_order_relaxed);
    if (t > b) {
      // order: as every store to bottom [pair:DEQUE-BOTTOM]
      bottom_.store(b + 1, std::memory_order_release);
      return nullptr;
    }
    // order: [relaxed: only the owner changes the buffer]
    T* item = current_.load(std::memory_order_relaxed)->get(b);
    if (t < b) return item;
    // order: decides the last item between owner and thieves [pair:DEQUE-TOP]
    const bool ours = top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst,
                                                   std::memory_order_relaxed);
    // order: as every store to bottom [pair:DEQUE-BOTTOM]
    bottom_.store(b + 1, std::memory_order_release);
    return ours ? item : nullptr;
  }

  /// Takes the oldest item into `out`.
  steal_result steal(T*& out) noexcept {
    // order: with the fence, top is read before bottom [pair:DEQUE-TOP]
    auto t = top_.load(std::memory_order_acquire);
    // order: either we see the owner's lowered bottom or it sees our top [pair:DEQUE-SC]
    Atomics::fence(std::memory_order_seq_cst);
    // order: the item below this bottom is visible [pair:DEQUE-BOTTOM]
    const auto b = bottom_.load(std::memory_order_acquire);
    if (t >= b) return steal_result::empty;
    // order: a grown buffer is visible with its copied slots [pair:DEQUE-BUFFER]
    T* item = current_.load(std::memory_order_acquire)->get(t);
    // order: takes the item from owner and other thieves; the slot was read before [pair:DEQUE-TOP]
    if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst,
                                      std::memory_order_relaxed)) {
      return steal_result::lost;
    }
    out = item;
    return steal_result::taken;
  }

  /// How many items there are, or were a moment ago. Owner only.
  std::int64_t size() const noexcept {
    // order: [relaxed: thieves can only make it less]
    const auto t = top_.load(std::memory_order_relaxed);
    // order: [relaxed: only the owner writes bottom]
    return bottom_.load(std::memory_order_relaxed) - t;
  }
  /// True if the newest item, were it still here, is `item`. Owner only.
  bool newest_is(const T* item) const noexcept {
    // order: [relaxed: only the owner writes bottom]
    const auto b = bottom_.load(std::memory_order_relaxed);
    // order: [relaxed: a hint; pop decides]
    if (top_.load(std::memory_order_relaxed) >= b) return false;
    // order: [relaxed: only the owner changes the buffer]
    return current_.load(std::memory_order_relaxed)->get(b - 1) == item;
  }

  /// True if it seemed empty a moment ago; the caller orders it by a fence of its own.
  bool looks_empty() const noexcept {
    // order: [relaxed: a hint, or ordered by the event count's fence]
    const auto t = top_.load(std::memory_order_relaxed);
    // order: [relaxed: as above]
    return bottom_.load(std::memory_order_relaxed) <= t;
  }

 private:
  class buffer {
   public:
    explicit buffer(std::size_t capacity) : slots_(capacity) {}
    std::int64_t capacity() const noexcept { return static_cast<std::int64_t>(slots_.size()); }
    T* get(std::int64_t i) const noexcept {
      // order: [relaxed: published by bottom, claimed by top]
      return slots_[index(i)].load(std::memory_order_relaxed);
    }
    void put(std::int64_t i, T* item) noexcept {
      // order: [relaxed: published by bottom]
      slots_[index(i)].store(item, std::memory_order_relaxed);
    }

   private:
    std::size_t index(std::int64_t i) const noexcept {
      return static_cast<std::size_t>(i) & (slots_.size() - 1);
    }
    std::vector<typename Atomics::template atomic<T*>> slots_;
  };

  buffer* grow(const buffer& old, std::int64_t t, std::int64_t b) {
    buffers_.reserve(buffers_.size() + 1);
    auto bigger = std::make_unique<buffer>(static_cast<std::size_t>(old.capacity()) * 2);
    for (auto i = t; i < b; ++i) bigger->put(i, old.get(i));
    auto* fresh = bigger.get();
    buffers_.push_back(std::move(bigger));
    // order: thieves that see the buffer see the slots copied into it [pair:DEQUE-BUFFER]
    current_.store(fresh, std::memory_order_release);
    return fresh;
  }

  // Thieves write top, the owner writes bottom: a cache line each.
  alignas(64) typename Atomics::template atomic<std::int64_t> top_;
  alignas(64) typename Atomics::template atomic<std::int64_t> bottom_;
  alignas(64) typename Atomics::template atomic<buffer*> current_{nullptr};
  // All buffers ever used: a slow thief may still read an old one. Doubling bounds the waste.
  std::vector<std::unique_ptr<buffer>> buffers_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
