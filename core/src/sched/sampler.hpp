#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "sched/slot.hpp"
#include "sched/thread_states.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// Looks at the threads of a pool's slots, one after the other, and tells which are blocked in
/// their jobs. Threads: one.
class sampler {
 public:
  explicit sampler(thread_states& states) noexcept : states_(states) {}

  struct findings {
    unsigned running = 0;
    /// Asleep just now, in a job that is too young to tell.
    unsigned suspects = 0;
    /// Blocked, and not noticed before.
    std::vector<slot*> blocked{}, in_locks{};
    /// Noticed before and not blocked any more.
    std::vector<slot*> going_on{};
    /// Noticed in a lock before, and still there.
    unsigned still_in_locks = 0;
  };

  /// Forgets what was seen: the next look only begins to watch. Throws: `bad_alloc`.
  void restart(unsigned slots);
  /// Looks at each slot in use for which `at` gives one. What it returns is overwritten by the next
  /// look. Throws: `bad_alloc`.
  template <class At>
  const findings& look(unsigned slots, At at, std::chrono::nanoseconds now) {
    begin(slots);
    for (unsigned i = 0; i < slots; ++i) {
      if (slot* s = at(i)) look_at(i, *s, now);
    }
    if (budget_ > 0) next_ = 0;
    ++round_;
    return found_;
  }
  /// Whether the thread is still in the job in which it was seen last. After a heavy fence: what
  /// the thread does later finds the notice.
  bool is_still_there(const slot& s) const noexcept;

 private:
  /// A slot as it was at the last look.
  struct memory {
    pid_t thread = 0;
    std::uint64_t progress = 0;
    std::chrono::nanoseconds cpu{0}, at{0};
    /// It was asked for since its job began.
    bool asked = false;
    bool in_lock = false;
  };

  void begin(unsigned slots);
  void look_at(unsigned i, slot& s, std::chrono::nanoseconds now);
  void look_again_at(unsigned i, slot& s, memory& seen, std::chrono::nanoseconds now);

  thread_states& states_;
  std::vector<memory> seen_;
  findings found_;
  unsigned round_ = 0;
  unsigned budget_ = 0;
  unsigned next_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
