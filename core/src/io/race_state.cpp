#include <filch/detail/race_state.hpp>

#include <algorithm>
#include <stdexcept>
#include <stop_token>

#include <filch/detail/current.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>
#include <filch/hedge.hpp>
#include <filch/race.hpp>

#include "base/thrown.hpp"
#include "io/race_contender.hpp"
#include "sched/waits.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// The plan, if it can be run.
const race_plan& checked(const race_plan& plan) {
  if (plan.contenders == 0) {
    throw std::invalid_argument(
        "filch: a race needs at least one contender, and its range is empty; check for that "
        "before the call");
  }
  if (plan.contenders > race_cell::most) {
    throw std::invalid_argument("filch: a race has at most 268435455 contenders");
  }
  if (plan.contenders < plan.wanted) throw race_failed(plan.wanted, {});
  if (plan.stagger.count() < 0) {
    throw std::invalid_argument(
        "filch: the stagger of a race is how long the next contender waits, so it is not negative; "
        "0 starts all at once");
  }
  return plan;
}

}  // namespace

race_plan plan_race(const job_options& of_view, const std::optional<losers>& after,
                    std::chrono::nanoseconds deadline, std::chrono::nanoseconds stagger) {
  const losers chosen = after ? *after : of_view.losers;
  race_plan plan;
  plan.structured = chosen.what() == losers::kind::join;
  plan.patience = chosen.patience();
  plan.stagger = stagger;
  plan.deadline = deadline.count() != 0 ? deadline : of_view.timeout;
  plan.name = of_view.name;
  return plan;
}

/// What the caller waits for: the verdict, or the end of all contenders.
class race_core::door final : public awaited {
 public:
  door(race_core& race, latch& opens, bool structured) noexcept
      : race_(race), opens_(opens), structured_(structured) {}
  latch& done() noexcept override { return opens_; }
  ref<job> unclaimed() noexcept override { return race_.unclaimed(); }
  slot* runner(std::size_t i) noexcept override { return race_.runner(i); }
  const void* what() const noexcept override { return &race_; }
  bool structured() const noexcept override { return structured_; }
  pool_core* pool() noexcept override { return &race_.core_; }

 private:
  race_core& race_;
  latch& opens_;
  const bool structured_;
};

race_core::race_core(call_scope& call, const race_plan& plan)
    : core_(call.core()),
      plan_(checked(plan)),
      name_(plan.name),
      stop_(call.stop().shared()),
      cell_(static_cast<std::uint32_t>(plan.contenders), static_cast<std::uint32_t>(plan.wanted)),
      winners_(plan.wanted),
      running_(plan.contenders) {
  errors_.reserve(plan.contenders);  // so that a failure can always be noted
  contenders_.reserve(plan.contenders);
  context* const caller = plan.structured ? &call.ctx() : nullptr;
  for (std::size_t i = 0; i < plan.contenders; ++i) {
    contenders_.push_back(make_ref<contender>(*this, i, caller));
  }
}

race_core::~race_core() = default;

void race_core::hold() {
  must_not_wait_here();
  const auto token = stop_->token();
  begin_ = std::chrono::steady_clock::now();
  arm_deadline();
  {
    const auto give_up = [this]() noexcept { end(race_verdict::cancelled); };
    const std::stop_callback on_stop(token, give_up);
    start_from(0, plan_.later);
    wait_for_end();
  }
  count_superseded();
  throw_unless_won();
}

void race_core::tidy() noexcept {
  std::vector<failure> dropped;
  {
    const std::lock_guard lock(errors_lock_);
    dropped.swap(errors_);
  }
  winning_error_ = nullptr;
  if (running_.done().is_set()) dispose();
}

// ---- a contender ------------------------------------------------------------------------------

void race_core::run(std::size_t i) noexcept {
  if (cell_.is_open()) {
    std::exception_ptr error;
    try {
      // Before the call: what has begun must be listened to, memory or not.
      std::unique_ptr<callback> note;
      if (plan_.later) note = note_for(i);
      if (auto answer = call(i)) return listen_to(std::move(answer), std::move(note), i);
    } catch (...) {
      error = std::current_exception();
    }
    forget(i);
    settle(i, std::move(error));
  } else {
    forget(i);
  }
  running_.arrive();
}

void race_core::settle(std::size_t i, std::exception_ptr error) noexcept {
  if (!error || (plan_.errors_win && !stop_->stop_requested())) {
    win_or_drop(i, std::move(error));
  } else {
    lose(i, std::move(error));
    if (plan_.stagger.count() > 0) start_from(i + 1);
  }
}

void race_core::win_or_drop(std::size_t i, std::exception_ptr error) noexcept {
  const auto elapsed = std::chrono::steady_clock::now() - begin_;
  const auto place = cell_.claim();
  if (!place) {
    if (error) {
      lose(i, std::move(error));
    } else {
      late(i);
    }
    return;
  }
  winners_[*place] = {i, elapsed};
  if (error) winning_error_ = std::move(error);
  if (cell_.publish()) over();
}

void race_core::lose(std::size_t i, std::exception_ptr error) noexcept {
  drop(i);
  const bool stopped = stop_->stop_requested();
  const bool only_stopped = stopped && is_stop(error);
  if (!only_stopped) {
    const std::lock_guard lock(errors_lock_);
    if (stopped) {
      ++late_errors_;
    } else if (errors_.size() < errors_.capacity()) {  // else the caller has gone already
      errors_.emplace_back(i, std::move(error));
    }
  }
  if (stopped) {
    end(race_verdict::cancelled);  // the caller's stop, unless the race is over anyway
  } else if (cell_.fail()) {
    over();
  }
}

// ---- who starts -------------------------------------------------------------------------------

/// Starts contender i if it is next, and those after it as long as the rules allow it now: each on
/// a thread of its own, or here if they answer later and this is the caller of the race.
void race_core::start_from(std::size_t i, bool here) noexcept {
  const bool staggered = plan_.stagger.count() > 0;
  for (bool go_on = true; go_on && i < contenders_.size(); ++i) {
    std::exception_ptr refused;
    {
      const std::lock_guard lock(gate_);
      if (closed_ || next_ != i) return;
      next_ = i + 1;
      refused = !admits(i) ? spent() : here ? nullptr : launch(i);
      if (staggered && !refused) go_on = !arm_stagger(i);
    }
    if (refused) {
      forget(i);
      lose(i, std::move(refused));
      running_.arrive();
      continue;
    }
    if (here) {
      const within place(contenders_[i]->where());
      run(i);
    }
    if (!cell_.is_open()) {
      return;  // whoever decided it is waiting for the gate, and accounts for the rest
    }
  }
}

bool race_core::admits(std::size_t i) noexcept {
  return i == 0 || !plan_.admission || plan_.admission->admits();
}

std::exception_ptr race_core::spent() noexcept {
  return thrown([] {
    throw budget_spent(
        "filch: this attempt was not made: the budget of extra attempts is used up. Allow a larger "
        "share, or look at why so many calls are slow or fail");
  });
}

std::exception_ptr race_core::launch(std::size_t i) noexcept {
  contenders_[i]->enter(ref<race_core>::share(this));
  try {
    start_uncounted(core_, contenders_[i]);
  } catch (...) {
    contenders_[i]->enter({});
    return std::current_exception();
  }
  return {};
}

/// Sets the clock for the contender after i. False if there is no timer to be had: then it starts
/// at once, since a contender too early is better than one that never comes.
bool race_core::arm_stagger(std::size_t i) noexcept {
  if (stagger_timer_ != 0) cancel_timer(core_, std::exchange(stagger_timer_, 0));
  if (i + 1 == contenders_.size()) return true;
  try {
    stagger_timer_ = call_at(core_, deadline_after(plan_.stagger),
                             [race = ref<race_core>::share(this), i] { race->start_from(i + 1); });
    return true;
  } catch (...) {
    return false;
  }
}

void race_core::arm_deadline() {
  if (plan_.deadline.count() == 0) return;
  const std::lock_guard lock(gate_);
  deadline_timer_ =
      call_at(core_, deadline_after(plan_.deadline),
              [race = ref<race_core>::share(this)] { race->end(race_verdict::timed_out); });
}

// ---- how it ends ------------------------------------------------------------------------------

void race_core::end(race_verdict why) noexcept {
  if (cell_.close(why)) over();
}

/// Called once, by whoever decided the race; the winners' values are safe already.
void race_core::over() noexcept {
  std::size_t never_started = 0;
  {
    const std::lock_guard lock(gate_);
    closed_ = true;
    never_started = contenders_.size() - next_;
    if (deadline_timer_ != 0) cancel_timer(core_, deadline_timer_);
    if (stagger_timer_ != 0) cancel_timer(core_, stagger_timer_);
  }
  stop_->request_stop();
  decided_.set();
  cancel_answers();
  for (std::size_t i = contenders_.size() - never_started; i < contenders_.size(); ++i) forget(i);
  if (never_started != 0) running_.arrive(never_started);
}

void race_core::wait_for_end() {
  door verdict(*this, decided_, false);
  door all_ended(*this, running_.done(), plan_.structured);
  try {
    wait(plan_.structured ? all_ended : verdict);
  } catch (...) {
    // The call fails, but not before nobody uses the caller's frame, or the pool, any more.
    end(race_verdict::cancelled);
    (plan_.structured ? running_.done() : decided_).wait();
    throw;
  }
  if (!plan_.structured && plan_.patience.count() > 0) {
    wait_until(all_ended, deadline_after(plan_.patience));
  }
}

/// The slot of the i-th contender that runs just now; the others are skipped, since null means
/// that there are no more.
slot* race_core::runner(std::size_t i) const noexcept {
  if (plan_.later) return runner_of_answer(i);
  for (const auto& one : contenders_) {
    slot* const where = one->runner();
    if (where && i-- == 0) return where;
  }
  return nullptr;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
