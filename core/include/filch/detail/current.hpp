#pragma once

#include <filch/detail/export.hpp>
#include <filch/detail/fork_job.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

class scheduler;

/// What the calling thread is doing for filch. Reached by one load: initial-exec, no wrapper.
struct current_thread {
  /// The innermost call or job the thread is in; null outside of every pool.
  context* ctx = nullptr;
  /// Where that call or job offers halves of forks: the deque of `home`, or null.
  fork_deque* forks = nullptr;
  /// That there is no such deque because nobody would take from it: forks run in place.
  bool forks_in_place = false;
  /// The slot the thread works from just now: a worker's own, or one lent to a guest.
  slot* home = nullptr;
  /// The pool without workers whose turn the thread has: it may run that pool's cpu jobs. At most
  /// one, and whether or not there was a slot for it.
  scheduler* turn = nullptr;
  /// The thread brings other threads their results, so that it must not wait for one.
  bool keeps_promises = false;
};

extern FILCH_API constinit thread_local current_thread current
    __attribute__((tls_model("initial-exec")));

/// Makes a context the current one for a scope. All code of users runs in such a scope.
class FILCH_API within {
 public:
  explicit within(context& ctx) noexcept;
  within(const within&) = delete;
  within& operator=(const within&) = delete;
  ~within() {
    current.ctx = ctx_;
    current.forks = forks_;
    current.forks_in_place = in_place_;
  }

 private:
  context* ctx_;
  fork_deque* forks_;
  bool in_place_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
