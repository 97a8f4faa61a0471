#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

#include <filch/detail/future_state.hpp>
#include <filch/detail/job.hpp>
#include <filch/detail/latch.hpp>
#include <filch/detail/stream_flight.hpp>
#include <filch/detail/stream_phase.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

class stream_core;

/// One element on its way: a job that makes the value, or that begins to and leaves the rest to a
/// future.
///
/// How it ends: `running` becomes `ended` when the value or error is there, unless the time limit
/// made it `late` before, or `late` became `left`: then the consumer has its `timed_out` already,
/// and the item belongs to the thread that works on it alone, which drops what it has made. Whoever
/// makes the last step finishes the item: tells the flight and the consumer, and leaves the pool.
class FILCH_API stream_item : public job, private stream_place {
 public:
  void run() noexcept final;
  bool may_outlive_pool() const noexcept override { return is_left(); }

  /// The exception of a failed item, or null. Requires: done.
  const std::exception_ptr& error() const noexcept { return error_; }
  /// Gives up what the consumer will not take. Requires: done.
  void give_up_value() noexcept {
    if (!is_left()) drop_value();
  }
  std::size_t index() const noexcept { return index_; }

 protected:
  stream_item(stream_core& stream, std::size_t index);
  ~stream_item() override;
  /// Makes the value; or returns the future that will have it.
  virtual ref<future_base> call() = 0;
  /// Makes the value from that of the future.
  virtual void take(future_base& result) = 0;
  virtual void drop_value() noexcept = 0;
  virtual void drop_input() noexcept = 0;

 private:
  friend class stream_core;
  class answer;
  class another_try;
  using phase = stream_phase<>::phase;

  // Going on.
  void note_thread() noexcept;
  void limit_time();
  void await(ref<future_base> result, std::unique_ptr<answer> told) noexcept;
  void answered(future_base& result) noexcept;
  ref<future_base> awaited_result() noexcept;
  slot* worked_on_by(std::size_t i) noexcept;
  job& attempt() noexcept;
  ref<job> present_attempt() noexcept;
  void try_again();

  // Ending.
  void ended(std::exception_ptr error) noexcept;
  void finish(bool well) noexcept;
  void fail_unstarted(std::exception_ptr error) noexcept;
  void drop_unstarted() noexcept;

  // When its time is up.
  void time_is_up() noexcept;
  void ask_to_stop() noexcept;
  void leave_behind() noexcept;
  bool is_left() const noexcept { return phase_.is_left(); }

  const ref<stream_core> stream_;
  const std::size_t index_;
  latch done_;
  std::exception_ptr error_;
  bool stopped_ = false;  // not run, or failed, because the stream was stopped
  stream_phase<> phase_;
  std::uint64_t timer_ = 0;

  // In the window; the consumer's.
  stream_item* before_ = nullptr;
  stream_item* after_ = nullptr;

  // Under the stream's lock.
  ref<job> again_;                     // the present attempt, if it is not the first
  ref<future_base> result_;            // that it waits for
  stream_item* await_next_ = nullptr;  // among those whose futures a stop must reach
  stream_item* await_before_ = nullptr;
  bool listed_ = false;        // it is among them
  bool awaits_jobs_ = false;   // the result is made by jobs, which a waiter may run
  bool on_io_thread_ = false;  // it works on a thread that may be left to it
  bool overdue_ = false;       // to be left behind as soon as it can be
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
