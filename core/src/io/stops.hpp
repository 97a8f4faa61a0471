#pragma once

#include <chrono>
#include <stop_token>

#include <filch/detail/throwing.hpp>
#include <filch/io.hpp>
#include <filch/this_job.hpp>

namespace filch {
inline namespace v0 {
namespace io::detail {

using clock = std::chrono::steady_clock;

/// What may end one call: a stop of the job, the caller's token, its time.
class limits {
 public:
  limits(const options& how, const char* call)
      : how_(how),
        call_(call),
        until_(how.timeout.count() == 0 ? clock::time_point::max()
                                        : filch::detail::deadline_after(how.timeout)) {
    check();
  }
  bool stopped() const noexcept { return this_job::stop_requested() || how_.stop.stop_requested(); }
  /// Throws: `cancelled`.
  void check() const {
    if (stopped()) filch::detail::throw_cancelled();
  }
  clock::time_point until() const noexcept { return until_; }
  const std::stop_token& token() const noexcept { return how_.stop; }
  const char* call() const noexcept { return call_; }
  [[noreturn]] void throw_timed_out() const;
  /// Throws `call_failed`, or what is more exact, for a value of errno.
  [[noreturn]] void throw_failed(int error) const;

 private:
  const options& how_;
  const char* call_;
  clock::time_point until_;
};

/// Calls `F`, which must not throw, at a stop of the job or of the token.
template <class F>
class at_stop {
 public:
  at_stop(const std::stop_token& token, const F& f)
      : of_job_(this_job::stop_token(), f), of_token_(token, f) {}

 private:
  std::stop_callback<F> of_job_;
  std::stop_callback<F> of_token_;
};

/// Waits until `fd` is ready for one of the poll(2) events, or broken; as a blocked worker.
/// Throws: `cancelled`, `timed_out`, `call_failed`.
void wait_ready(int fd, short events, const limits& until);

}  // namespace io::detail
}  // namespace v0
}  // namespace filch
