#pragma once

#include <stop_token>
#include <type_traits>
#include <utility>

#include <filch/this_job.hpp>

namespace filch {
inline namespace v0 {

/// Calls a function when the running job is asked to stop, for as long as this object lives: for
/// things that have a way of their own to be interrupted.
///
///     filch::on_stop hang_up([&] { call.hang_up(); });
///     call.talk();                       // returns when somebody hangs up
///
/// The function runs once at most, on the thread that asks, or right here if somebody has asked
/// already. It should be short, and must not throw: that ends the program. Use `shutdown`, never
/// `close`, on a descriptor that another thread waits for: its number may be in use again at once.
///
/// Cost: the first in a job allocates. Threads: made and destroyed on one thread.
/// Lifetime: the destructor waits for a call that runs on another thread just then. Outside of
/// any job, and without a token, nobody ever calls.
template <class F>
class [[nodiscard]] on_stop {
 public:
  /// Throws: `bad_alloc`, and what moving f throws.
  explicit on_stop(F f) : callback_(this_job::stop_token(), std::move(f)) {}
  /// As above, when `token` is asked to stop.
  on_stop(std::stop_token token, F f) : callback_(std::move(token), std::move(f)) {}
  on_stop(const on_stop&) = delete;
  on_stop& operator=(const on_stop&) = delete;

 private:
  static_assert(std::is_invocable_v<F>, "filch: on_stop needs a callable without arguments");
  std::stop_callback<F> callback_;
};

}  // namespace v0
}  // namespace filch
