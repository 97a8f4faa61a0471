#pragma once

#include <atomic>
#include <cstddef>

#include <filch/detail/awaited.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// The right half of a fork, in its caller's frame: no allocation, no reference count. Either the
/// caller takes it back and runs it like any code, or a thief runs it and opens the latch.
class FILCH_API fork_job : public awaited {
 public:
  /// Requires: called inside a job or call.
  explicit fork_job(context& parent) noexcept : parent_(&parent) {}

  /// Runs the half on a thief's thread. Stores the outcome; must not throw.
  virtual void execute() noexcept = 0;

  context& parent() noexcept { return *parent_; }
  void set_runner(slot* s) noexcept {
    // order: hands the slot to the waiting caller [pair:FORK-RUNNER]
    runner_.store(s, std::memory_order_release);
  }
  /// The link of the list of halves that a thief had to pass on; under that list's lock.
  fork_job* next_passed = nullptr;

  /// Opens the latch: the thief's last access, the frame may be gone afterwards.
  void finished() noexcept { done_.set(); }

  latch& done() noexcept override { return done_; }
  ref<job> unclaimed() noexcept override { return {}; }
  slot* runner(std::size_t i) noexcept override {
    // order: the slot's fields are visible [pair:FORK-RUNNER]
    return i == 0 ? runner_.load(std::memory_order_acquire) : nullptr;
  }
  const void* what() const noexcept override { return this; }
  bool structured() const noexcept override { return true; }
  pool_core* pool() noexcept override { return parent_->pool; }

 protected:
  ~fork_job() = default;

 private:
  context* parent_;
  std::atomic<slot*> runner_{nullptr};
  latch done_;
};

/// Offers `half` to thieves from the calling thread's slot. False if the thread has none, or no
/// memory is left: then nobody else will run it.
FILCH_API bool offer_fork(fork_job& half) noexcept;
/// Takes the newest offer back: true if the caller must run it, false if a thief has it.
FILCH_API bool take_fork_back(fork_job& half) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
