#pragma once

#include <filch/detail/export.hpp>
#include <filch/detail/job.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What the calling thread is doing for filch. Reached by one load: initial-exec, no wrapper.
struct current_thread {
  /// The innermost call or job the thread is in; null outside of every pool.
  context* ctx = nullptr;
  /// The slot the thread works from just now: a worker's own, or one lent to a guest.
  slot* home = nullptr;
};

extern FILCH_API constinit thread_local current_thread current
    __attribute__((tls_model("initial-exec")));

/// Makes a context the current one for a scope.
class within {
 public:
  explicit within(context& ctx) noexcept : outer_(current.ctx) { current.ctx = &ctx; }
  within(const within&) = delete;
  within& operator=(const within&) = delete;
  ~within() { current.ctx = outer_; }

 private:
  context* outer_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
