#pragma once

#include <cstdint>

#include <filch/detail/export.hpp>
#include <filch/detail/job.hpp>
#include <filch/detail/split_deque.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// The right half of a fork, in its caller's frame: no allocation, no reference count, no virtual
/// table. Either the caller pops it and runs it like any code, or a thief runs it and opens the
/// latch of its place in the caller's deque.
struct fork_job {
  /// Runs the half on a thief's thread: stores the outcome in the frame.
  void (*run)(fork_job& half) noexcept;
  /// What the half is a part of.
  context* parent;

  // Written by the thief only, once the half is its own:
  /// The slot whose deque it came from, and its place there.
  slot* owner;
  std::uint32_t place;
  /// It tells its owner that it is over before it does its work (`end_early`), so that the owner
  /// may leave the frame: the work belongs to something that others keep.
  bool ends_early = false;
  /// The link of the list of halves that a thief had to pass on; under that list's lock.
  fork_job* next_passed;

  fork_job(void (*how)(fork_job&) noexcept, context* below) noexcept : run(how), parent(below) {}
};

using fork_deque = split_deque<fork_job, slot>;

/// The owner's answer to a thief's question: makes jobs public, wakes who can take them.
FILCH_API FILCH_COLD void answer_thieves() noexcept;

/// After `forks.pop()` said false: true if the newest half is the caller's all the same. Else a
/// thief had it, and it is over when this returns.
/// Blocks: by the waiting rules. Throws: `forked_pool` in a forked child, where no thief is left.
FILCH_API FILCH_COLD bool reclaim_or_wait(fork_deque& forks, fork_job& half);

}  // namespace detail
}  // namespace v0
}  // namespace filch
