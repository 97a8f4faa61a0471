#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <mutex>

#include <filch/detail/job.hpp>

#include "sync/short_lock.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// The first-in-first-out queue of jobs that come from outside the workers. Intrusive: pushing
/// allocates nothing and cannot fail. A job that somebody claimed elsewhere can be taken out of
/// the middle, so that claimed jobs do not pile up. Holds one reference of each queued job.
/// Threads: any. A mutex, held for a few stores; the size is readable without it.
class injection_queue {
 public:
  void push(ref<job> work) noexcept {
    std::lock_guard lock(lock_);
    link(work.detach());
  }
  void push_n(ref<job>* work, std::size_t n) noexcept {
    std::lock_guard lock(lock_);
    for (std::size_t i = 0; i < n; ++i) link(work[i].detach());
  }
  /// The oldest job, or empty.
  ref<job> pop() noexcept {
    if (looks_empty()) return {};
    std::lock_guard lock(lock_);
    if (!first_) return {};
    job* taken = first_;
    unlink(*taken);
    return ref<job>::adopt(taken);
  }
  /// The oldest jobs, `most` of them at most, but no more than one of `share` parts of what is here
  /// (rounded up). Returns how many were put into `taken`, with the queue's references.
  std::size_t pop_n(job** taken, std::size_t most, std::size_t share) noexcept {
    if (looks_empty()) return 0;
    std::lock_guard lock(lock_);
    const std::size_t n = std::min(most, (size() + share - 1) / share);
    for (std::size_t i = 0; i < n; ++i) {
      taken[i] = first_;
      unlink(*first_);
    }
    return n;
  }
  /// Takes `work` out if it is queued here; gives the queue's reference back.
  ref<job> remove(job& work) noexcept {
    std::lock_guard lock(lock_);
    // order: [relaxed: only under this lock does it become, or cease to be, this queue]
    if (work.links().queue.load(std::memory_order_relaxed) != this) return {};
    unlink(work);
    return ref<job>::adopt(&work);
  }
  bool looks_empty() const noexcept {
    // order: [relaxed: a hint, or ordered by the event count's fence]
    return size_.load(std::memory_order_relaxed) == 0;
  }
  std::size_t size() const noexcept {
    // order: [relaxed: a statistic]
    return size_.load(std::memory_order_relaxed);
  }

 private:
  void link(job* work) noexcept {
    auto& l = work->links();
    l.next = nullptr;
    l.previous = last_;
    // order: [relaxed: compared by address; the lock hands over the rest]
    l.queue.store(this, std::memory_order_relaxed);
    (last_ ? last_->links().next : first_) = work;
    last_ = work;
    // order: [relaxed: written under the lock; readers order it by the event count's fence]
    size_.store(size_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void unlink(job& work) noexcept {
    auto& l = work.links();
    (l.previous ? l.previous->links().next : first_) = l.next;
    (l.next ? l.next->links().previous : last_) = l.previous;
    l.next = l.previous = nullptr;
    // order: [relaxed: as in link]
    l.queue.store(nullptr, std::memory_order_relaxed);
    // order: [relaxed: written under the lock]
    size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }

  short_lock lock_;
  job* first_ = nullptr;
  job* last_ = nullptr;
  std::atomic<std::size_t> size_{0};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
