#include <filch/detail/race_state.hpp>

#include <utility>

#include <filch/detail/current.hpp>

#include "io/race_contender.hpp"

/// \file
/// Contenders that answer later: what they were called for is a future, and they hold no thread.

namespace filch {
inline namespace v0 {
namespace detail {

/// The end of what a contender was called for.
class race_core::answer_note final : public callback {
 public:
  answer_note(ref<race_core> race, std::size_t i) noexcept : race_(std::move(race)), i_(i) {}
  void call(future_base& answer) noexcept override { race_->answered(i_, answer); }

 private:
  ref<race_core> race_;
  std::size_t i_;
};

std::unique_ptr<callback> race_core::note_for(std::size_t i) {
  return std::make_unique<answer_note>(ref<race_core>::share(this), i);
}

void race_core::listen_to(ref<future_base> answer, std::unique_ptr<callback> note,
                          std::size_t i) noexcept {
  answer->observe();
  contenders_[i]->answer.begin(
      answers_lock_, answer, [&]() noexcept { answer->add(note.release()); },
      [this] { return !cell_.is_open(); });
}

void race_core::answered(std::size_t i, future_base& answer) noexcept {
  std::exception_ptr error = answer.error();
  try {
    if (!error) collect(i, answer);
  } catch (...) {
    error = std::current_exception();
  }
  forget(i);
  settle(i, std::move(error));
  const auto ended = contenders_[i]->answer.take(answers_lock_);
  running_.arrive();
}

/// Of those that answer later. Their stop reaches what listens to the race's; this reaches the
/// rest, such as a job whose time has not come.
void race_core::cancel_answers() noexcept {
  if (!plan_.later) return;
  for (const auto& one : contenders_) one->answer.cancel(answers_lock_);
}

/// Of several answers that are awaited none is known to be the one that ends the wait.
slot* race_core::runner_of_answer(std::size_t i) const noexcept {
  future_base* only = nullptr;
  const std::lock_guard lock(answers_lock_);
  for (const auto& one : contenders_) {
    const auto& answer = one->answer.get();
    if (!answer || answer->done().is_set()) continue;
    if (only) return nullptr;
    only = answer.get();
  }
  return only ? only->runner(i) : nullptr;
}

/// What a waiter may run in place: a contender that is a job of a pool without workers, or of the
/// waiter's own, whose thread it may have. Not where it must be able to leave the losers.
ref<job> race_core::unclaimed() noexcept {
  if (!plan_.later) return {};
  const pool_core* const mine = current.ctx ? current.ctx->pool : nullptr;
  const std::lock_guard lock(answers_lock_);
  for (const auto& one : contenders_) {
    const auto& answer = one->answer.get();
    if (!answer || answer->done().is_set()) continue;
    auto work = answer->unclaimed();
    if (!work) continue;
    pool_core* const its = work->where().pool;
    if (width(*its) == 0 || (plan_.structured && its == mine)) return work;
  }
  return {};
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
