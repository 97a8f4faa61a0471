#pragma once

#include <chrono>
#include <cstddef>

#include <filch/detail/export.hpp>
#include <filch/detail/job.hpp>
#include <filch/detail/latch.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

struct fork_job;

/// Something a thread blocks for: when it is done, what of it has not started, who runs the rest.
class FILCH_API awaited {
 public:
  awaited() noexcept = default;
  awaited(const awaited&) = delete;
  awaited& operator=(const awaited&) = delete;

  /// Opens when there is nothing left to wait for.
  virtual latch& done() noexcept = 0;
  /// A part of it that nobody has claimed yet, or empty. The waiter claims it and runs it itself.
  virtual ref<job> unclaimed() noexcept = 0;
  /// The slot of the i-th thread that runs a part of it; null past the last.
  virtual slot* runner(std::size_t i) noexcept = 0;
  /// The address that contexts of its parts carry as `what`: how a stolen job is told to be below.
  virtual const void* what() const noexcept = 0;
  /// True if parts of it use the waiter's frame, so that the wait cannot be given up.
  virtual bool structured() const noexcept { return false; }
  /// The pool whose jobs it waits for, if it is one pool.
  virtual pool_core* pool() noexcept { return nullptr; }
  /// The half of a fork that it is, if it is one.
  virtual fork_job* half() noexcept { return nullptr; }

 protected:
  ~awaited() = default;
};

/// Blocks until `a` is done, by the waiting rules (docs/design/waiting.md): runs what has not
/// started of it, then only jobs below it, then sleeps while a spare stands in for this worker.
/// Throws: `would_deadlock` when the wait would close a circle of waits.
FILCH_API void wait(awaited& a);

/// Blocks until `a` is done or `deadline`; never runs anything. False at the deadline.
FILCH_API bool wait_until(awaited& a, std::chrono::steady_clock::time_point deadline);

}  // namespace detail
}  // namespace v0
}  // namespace filch
