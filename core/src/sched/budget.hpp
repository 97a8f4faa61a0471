#pragma once

#include <atomic>

namespace filch {
inline namespace v0 {
namespace detail {

/// How many more threads a pool may keep busy besides its workers: lane::io and spares share it.
class thread_budget {
 public:
  explicit thread_budget(unsigned most) noexcept : left_(most), most_(most) {}

  bool take() noexcept {
    // order: [relaxed: a count; it guards no data]
    auto seen = left_.load(std::memory_order_relaxed);
    do {
      if (seen == 0) return false;
      // order: [relaxed: a count; it guards no data]
    } while (!left_.compare_exchange_weak(seen, seen - 1, std::memory_order_relaxed,
                                          std::memory_order_relaxed));
    return true;
  }
  void give() noexcept {
    // order: [relaxed: a count; it guards no data]
    left_.fetch_add(1, std::memory_order_relaxed);
  }
  bool exhausted() const noexcept {
    // order: [relaxed: a count; who acts on it holds a lock of its own]
    return left_.load(std::memory_order_relaxed) == 0;
  }
  unsigned most() const noexcept { return most_; }

 private:
  std::atomic<unsigned> left_;
  const unsigned most_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
