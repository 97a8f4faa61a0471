#pragma once

#include <mutex>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

/// What a contender that answers later was called for, between who listens to it and who ends the
/// race: whichever comes first, what can still be cancelled is cancelled once the race is over.
/// `Answer`: a counted pointer to what has `cancel`. The lock is the race's, for all its answers;
/// nothing of an answer is called under it.
/// Threads: any.
template <class Answer, class Lock = std::mutex>
class late_answer {
 public:
  /// Makes the answer known, then calls `listen`: from there on somebody may `take` it. `is_over`
  /// says whether the race was ended, which is said before `cancel`.
  template <class Listen, class IsOver>
  void begin(Lock& lock, const Answer& answer, Listen listen, IsOver is_over) noexcept {
    {
      const std::lock_guard held(lock);
      answer_ = answer;
    }
    listen();
    // Who ended the race before the answer was known here has not cancelled it.
    if (is_over()) answer->cancel();
  }
  /// The race is over.
  void cancel(Lock& lock) noexcept {
    Answer answer;
    {
      const std::lock_guard held(lock);
      answer = answer_;
    }
    if (answer) answer->cancel();
  }
  /// The answer has come; the caller drops it.
  [[nodiscard]] Answer take(Lock& lock) noexcept {
    const std::lock_guard held(lock);
    return std::exchange(answer_, Answer());
  }
  /// Requires: the lock is held.
  const Answer& get() const noexcept { return answer_; }

 private:
  Answer answer_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
