#pragma once

#include <atomic>

#include <filch/detail/job.hpp>
#include <filch/detail/latch.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

struct slot;

/// A part of a loop that one more thread may take, on the frame of a thread that takes part: for
/// those that stand in while others are blocked.
struct open_part {
  using question = bool (*)(open_part&) noexcept;
  using work = void (*)(open_part&) noexcept;

  open_part(context* where, open_part* before, question may_join, work take_part) noexcept
      : parent(where), outer(before), admit(may_join), join(take_part) {}
  open_part(const open_part&) = delete;
  open_part& operator=(const open_part&) = delete;

  context* const parent;
  /// What the same thread had open before.
  open_part* const outer;
  /// Whether there is still something to do for one more; asked by a visitor.
  const question admit;
  /// What the one does.
  const work join;

  /// Who has come, set by the visitor; null: nobody.
  slot* joiner = nullptr;
  /// The one that came has left.
  latch left;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
