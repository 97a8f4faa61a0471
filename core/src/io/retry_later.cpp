#include <filch/retry.hpp>

#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/thrown.hpp"
#include "sched/waits.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// The end of an attempt.
class later_attempts::note final : public callback {
 public:
  explicit note(std::shared_ptr<later_attempts> whole) noexcept : whole_(std::move(whole)) {}
  void call(future_base& answer) noexcept override { whole_->answered(answer); }

 private:
  const std::shared_ptr<later_attempts> whole_;
};

/// A further attempt. On lane::io, so that it need not wait for jobs that compute. It belongs to
/// the call alone, whoever has ended the attempt before.
class later_attempts::next_attempt final : public job {
 public:
  explicit next_attempt(std::shared_ptr<later_attempts> whole) : whole_(std::move(whole)) {
    place(*whole_->core_, lane::io, {}, ref<stop_state>(whole_->stop_));
  }
  void run() noexcept override { std::exchange(whole_, nullptr)->try_once(); }

 private:
  std::shared_ptr<later_attempts> whole_;
};

void later_attempts::stopping::operator()() const noexcept {
  if (const auto still_there = whole.lock()) still_there->stop();
}

void present_attempt::set(ref<future_base> answer) noexcept {
  ref<job> begun;  // dropped without the lock, as is what was there
  const std::lock_guard lock(lock_);
  std::swap(answer_, answer);
  std::swap(next_, begun);
}

void present_attempt::set(ref<job> next) noexcept {
  const std::lock_guard lock(lock_);
  std::swap(next_, next);
}

// Nothing of these is dropped here: whoever asks may hold locks.
ref<job> present_attempt::unclaimed() noexcept {
  const std::lock_guard lock(lock_);
  if (answer_) return answer_->unclaimed();
  return next_ && !next_->is_claimed() ? next_ : ref<job>();
}

slot* present_attempt::runner(std::size_t i, unsigned links) noexcept {
  const std::lock_guard lock(lock_);
  return answer_ ? answer_->runner_within(i, links) : nullptr;
}

void present_attempt::cancel() noexcept {
  ref<future_base> answer;
  {
    const std::lock_guard lock(lock_);
    answer = answer_;
  }
  if (answer) answer->cancel();
}

later_attempts::later_attempts(pool_core& core, present_attempt& present, retry_options options)
    : core_(share(core)), options_(std::move(options)), pauses_(options_), present_(present) {}

later_attempts::~later_attempts() = default;

void later_attempts::begin(ref<stop_state> stop) {
  stop_ = std::move(stop);
  on_stop_.emplace(stop_->token(), stopping{weak_from_this()});
  enter(*core_);
  try_once();
}

void later_attempts::try_once() noexcept {
  ref<future_base> answer;
  std::unique_ptr<callback> told;
  try {
    if (stop_->stop_requested()) throw_cancelled();
    // Before the call: what has begun must be listened to, memory or not.
    told = std::make_unique<note>(shared_from_this());
    answer = attempt();
  } catch (...) {
    return failed(std::current_exception());
  }
  answer->observe();
  present_.set(answer);
  // Whoever sleeps until the result is there might have to run a part of it.
  if (answer->unclaimed()) wait_registry::instance().nudge_all();
  // Either who stops finds the answer, or this thread finds that it was stopped. The frame holds
  // what it looks at: what is told of the answer may be the last to hold the rest.
  const auto stop = stop_;
  answer->add(told.release());
  if (stop->stop_requested()) answer->cancel();
}

void later_attempts::answered(future_base& answer) noexcept {
  present_.set(ref<future_base>());
  if (answer.error()) return failed(answer.error());
  give(answer);
  leave(*core_);
}

void later_attempts::failed(std::exception_ptr error) noexcept {
  try {
    if (try_later(error)) return;
  } catch (...) {
    error = std::current_exception();
  }
  end_with(std::move(error));
}

/// False if this was the last attempt. Throws: `cancelled`, `no_thread`, `bad_alloc`, what `when`
/// throws.
bool later_attempts::try_later(const std::exception_ptr& error) {
  const auto pause = pauses_.after(error);
  if (!pause) return false;
  if (stop_->stop_requested()) throw_cancelled();
  const auto whole = shared_from_this();
  auto next = ref<job>(make_ref<next_attempt>(whole));
  {
    const std::lock_guard lock(lock_);
    timer_ = call_at(*core_, deadline_after(*pause),
                     [whole, next]() mutable { whole->go_on(std::move(next)); });
  }
  if (stop_->stop_requested()) stop();
  return true;
}

/// The pause is over. Queued only when waiters can find it: one of them may have to run it.
void later_attempts::go_on(ref<job> next) noexcept {
  present_.set(next);
  enqueue(*core_, std::move(next));
  wait_registry::instance().nudge_all();
}

/// Whatever is under way ends: an attempt by its own means, a pause at once.
void later_attempts::stop() noexcept {
  std::uint64_t timer = 0;
  {
    const std::lock_guard lock(lock_);
    timer = std::exchange(timer_, 0);
  }
  present_.cancel();
  if (timer != 0 && cancel_timer(*core_, timer)) {
    end_with(thrown([] { throw_cancelled(); }));
  }
}

void later_attempts::end_with(std::exception_ptr error) noexcept {
  give_up(std::move(error));
  leave(*core_);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
