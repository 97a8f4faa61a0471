#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <filch/detail/core.hpp>
#include <filch/detail/future_state.hpp>
#include <filch/detail/race_cell.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Says whether one more contender may start than the first. Called by one thread at a time.
class FILCH_API race_admission {
 public:
  virtual bool admits() noexcept = 0;

 protected:
  ~race_admission() = default;
};

/// What a race was asked to be, without its types.
struct race_plan {
  std::size_t contenders = 0;
  /// How many winners it needs.
  std::size_t wanted = 1;
  /// An error wins as a value does (`race_completed`).
  bool errors_win = false;
  /// Losers are joined without limit, so they may use the caller's frame. Else they own all they
  /// use, and are waited for at most `patience`.
  bool structured = true;
  std::chrono::nanoseconds patience{0};
  /// 0: all start at once.
  std::chrono::nanoseconds stagger{0};
  /// 0: none.
  std::chrono::nanoseconds deadline{0};
  /// What is called gives a future, and needs no thread after that.
  bool later = false;
  std::string_view name{};
  /// Asked for every contender but the first; null: all may start. Used until the race is decided.
  race_admission* admission = nullptr;
};

/// Who has a place among the winners.
struct race_winner {
  std::size_t index = 0;
  std::chrono::nanoseconds elapsed{0};
};

/// One race without its types: starts the contenders, decides, ends the losers.
///
/// Ownership: counted. The caller, every contender that was started, and every timer hold a
/// reference, so that an abandoned loser has all it may touch. The callables, arguments and values
/// are in the derived class; in a race that was joined the caller destroys them with `dispose`
/// before it returns, else they end with the last holder.
/// Accounting: the race is one accepted call, its contenders are none of their own. What was
/// abandoned is therefore no longer accepted work; it touches this state, never the pool.
class FILCH_API race_core : public ref_counted {
 public:
  /// Throws: `std::invalid_argument` without contenders, or with more than can be counted;
  /// `race_failed` if there are fewer than wanted.
  race_core(call_scope& call, const race_plan& plan);
  ~race_core() override;

  /// Runs the race. On return the winners are known, and, unless losers were abandoned, every
  /// contender has ended. Throws: `race_failed`, `timed_out`, `cancelled`; the error that won
  /// under `errors_win`; `no_thread` without a thread for the timers.
  void hold();

  /// Destroys what contenders used and threw, as far as none of them can use it any more.
  void tidy() noexcept;

  std::size_t wanted() const noexcept { return plan_.wanted; }
  const race_winner& winner(std::size_t place) const noexcept { return winners_[place]; }

 protected:
  /// Calls contender i and keeps its value, or gives what will have it. Throws: what it throws, or
  /// `rejected`.
  virtual ref<future_base> call(std::size_t i) = 0;
  /// Takes the value of contender i out of what `call` gave. Throws: `rejected`.
  virtual void collect(std::size_t i, future_base& from) = 0;
  /// Destroys what contender i was called with.
  virtual void forget(std::size_t i) noexcept = 0;
  /// Hands on the value of contender i, which was too late, then destroys it.
  virtual void late(std::size_t i) noexcept = 0;
  /// Destroys the value of contender i, which did not win.
  virtual void drop(std::size_t i) noexcept = 0;
  virtual void dispose() noexcept = 0;

 private:
  class contender;
  class answer_note;
  class door;
  using failure = std::pair<std::size_t, std::exception_ptr>;

  // What a contender goes through.
  void run(std::size_t i) noexcept;
  std::unique_ptr<callback> note_for(std::size_t i);
  void listen_to(ref<future_base> answer, std::unique_ptr<callback> note, std::size_t i) noexcept;
  void answered(std::size_t i, future_base& answer) noexcept;
  void settle(std::size_t i, std::exception_ptr error) noexcept;
  void win_or_drop(std::size_t i, std::exception_ptr error) noexcept;
  void lose(std::size_t i, std::exception_ptr error) noexcept;

  // Who starts.
  void start_from(std::size_t i, bool here = false) noexcept;
  bool admits(std::size_t i) noexcept;
  static std::exception_ptr spent() noexcept;
  std::exception_ptr launch(std::size_t i) noexcept;
  bool arm_stagger(std::size_t i) noexcept;
  void arm_deadline();

  // How it ends.
  void end(race_verdict why) noexcept;
  void over() noexcept;
  void cancel_answers() noexcept;
  void wait_for_end();
  void count_superseded() noexcept;
  void throw_unless_won();
  [[noreturn]] void throw_failed();
  [[noreturn]] void throw_late();
  slot* runner(std::size_t i) const noexcept;
  slot* runner_of_answer(std::size_t i) const noexcept;
  ref<job> unclaimed() noexcept;

  pool_core& core_;
  race_plan plan_;
  const std::string name_;
  const ref<stop_state> stop_;
  std::chrono::steady_clock::time_point begin_{};
  std::vector<ref<contender>> contenders_;

  race_cell cell_;
  std::vector<race_winner> winners_;
  std::exception_ptr winning_error_;
  // The verdict is there and nobody of the race will touch the pool any more.
  latch decided_;
  // Opens when every contender has ended or is known never to start.
  countdown running_;

  mutable std::mutex answers_lock_;  // what each contender, where it answers later, was called for

  std::mutex errors_lock_;
  std::vector<failure> errors_;
  std::size_t late_errors_ = 0;

  // Held while a contender is started or a timer set, so that nobody is at it once it is closed.
  std::mutex gate_;
  bool closed_ = false;
  std::size_t next_ = 0;
  std::uint64_t deadline_timer_ = 0;
  std::uint64_t stagger_timer_ = 0;
};

[[noreturn]] FILCH_API FILCH_COLD void throw_rejected();
[[noreturn]] FILCH_API FILCH_COLD void throw_cannot_own();

}  // namespace detail
}  // namespace v0
}  // namespace filch
