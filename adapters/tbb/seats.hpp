#pragma once

#include <atomic>
#include <cstdint>

namespace filch {
inline namespace v0 {
namespace detail {

/// Who of the lent threads may be at work, and who still is.
///
/// Two counts, because they end at different moments. A *seat* is taken before oneTBB is asked for
/// a thread and given back when the thread finds nothing to do; it bounds how many are asked for.
/// Being *inside* lasts until the thread has touched the workplace for the last time; `close`
/// waits for that. A thread that oneTBB brings only after `close` finds the door shut, so nobody
/// waits for a oneTBB that is busy elsewhere.
///
/// A thread gives its seat back and then looks for work; a producer queues work and then looks for
/// a free seat. Each has a sequentially consistent fence in between, so one of them sees the other.
class seats {
 public:
  explicit seats(unsigned width) noexcept : width_(width) {}
  seats(const seats&) = delete;
  seats& operator=(const seats&) = delete;

  /// Before looking for free seats: what was queued is seen by whoever gave a seat back unseen.
  static void see_all_queued() noexcept {
    // order: the job queued before, then the seats: against give_back's seat, then the queues
    // [pair:TBB_SEAT]
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  /// True if there was a seat left; it is the caller's now.
  bool take() noexcept {
    // order: [relaxed: the fences on both sides order it against the queues; it hands nothing over]
    auto taken = taken_.load(std::memory_order_relaxed);
    while (taken < width_) {
      // order: [relaxed: as above]
      if (taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  /// After it the caller looks for work once more.
  void give_back() noexcept {
    // order: [relaxed: the fence below orders it]
    taken_.fetch_sub(1, std::memory_order_relaxed);
    // order: the seat, then the queues: against a producer's queue, then the seats [pair:TBB_SEAT]
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }

  /// False when the door is shut; then the workplace may be gone.
  bool enter() noexcept {
    // order: [relaxed: the exchange below decides]
    auto inside = inside_.load(std::memory_order_relaxed);
    while ((inside & shut) == 0) {
      // order: what the last who left had done is done [pair:TBB_DOOR]
      if (inside_.compare_exchange_weak(inside, inside + 1, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  /// The caller's last access to the workplace was before this.
  void leave() noexcept {
    // order: everything done inside is visible to who closes [pair:TBB_DOOR]
    if (inside_.fetch_sub(1, std::memory_order_release) == (shut | 1U)) inside_.notify_all();
  }
  /// Shuts the door and waits until nobody is inside.
  void close() noexcept {
    // order: sees what those did who have left already [pair:TBB_DOOR]
    auto inside = inside_.fetch_or(shut, std::memory_order_acquire) | shut;
    while (inside != shut) {
      // order: as in the load below [pair:TBB_DOOR]
      inside_.wait(inside, std::memory_order_acquire);
      // order: sees everything done inside [pair:TBB_DOOR]
      inside = inside_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr std::uint32_t shut = 1U << 31U;

  const unsigned width_;
  std::atomic<unsigned> taken_{0};
  std::atomic<std::uint32_t> inside_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
