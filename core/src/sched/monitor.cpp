#include "sched/monitor.hpp"

#include <algorithm>
#include <new>

#include <filch/detail/futex.hpp>

#include "sched/scheduler.hpp"
#include "sched/spares.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

using clock = std::chrono::steady_clock;

/// Where looks have become rare, a queued job may bring the next one forward this often.
constexpr auto rouse_gap = std::chrono::milliseconds(100);
/// How long it remembers, asleep, that there was nothing to be found.
constexpr auto forgotten_after = std::chrono::milliseconds(100);
/// Where the system has no thread for it the next attempt is made this much later.
constexpr auto retry_after = std::chrono::milliseconds(100);

std::chrono::nanoseconds now() noexcept { return clock::now().time_since_epoch(); }

}  // namespace

// ---- its thread -------------------------------------------------------------------------------

void monitor::begin() noexcept {
  if (!word_.begin()) return;
  std::lock_guard lock(starting_);
  if (word_.is_stopping()) return;
  if (has_thread_) return word_.wake();
  if (clock::now() >= next_try_) {
    has_thread_ = static_cast<bool>(threads_.start([this] { run(); }, "-monitor"));
    next_try_ = clock::now() + retry_after;
  }
  if (!has_thread_) word_.call_off();
}

void monitor::stop() noexcept {
  std::lock_guard lock(starting_);  // no thread of ours begins after this
  word_.stop();
}

bool monitor::pause_for(std::chrono::nanoseconds time) noexcept {
  const auto now = clock::now();
  const bool dozes = time > blocking_policy::tick && now - roused_ >= rouse_gap;
  const auto how = word_.pause(dozes, [until = now + time](auto& word, std::uint32_t held) {
    return futex_wait_until(word, held, until);
  });
  if (how == sleep_word<>::pause_end::stopped) return false;
  if (how == sleep_word<>::pause_end::in_time) return true;
  // It looks a tick later: a job that has just begun cannot have blocked yet, and if the look that
  // was asked for finds not even a suspicion, the next one may be 50 ms away.
  roused_ = clock::now();
  return pause_for(blocking_policy::tick);
}

void monitor::run() noexcept {
  std::unique_ptr<thread_states> states;
  while (word_.await_begin()) {
    try {
      if (!states) states = system_thread_states();
      if (!sampler_) sampler_ = std::make_unique<sampler>(*states);
      look_for_a_while(*states);
    } catch (const std::bad_alloc&) {  // there may be memory later
      pause_for(retry_after);
    }
  }
}

// The last step of going to sleep is that of a worker: whoever makes work after it wakes somebody.
bool monitor::fall_asleep() noexcept {
  return word_.fall_asleep([this] {
    work_.stand_ins().reclaim();
    return work_.is_held_up();
  });
}

// ---- looking ----------------------------------------------------------------------------------

void monitor::look_for_a_while(thread_states& states) {
  sampler_->restart(work_.slots().size());
  // Where it found nothing a moment ago it goes on as rarely.
  auto pause = std::chrono::nanoseconds(0);
  if (now() - last_look_ > forgotten_after) {
    state_ = {};
  } else {
    state_.quiet = std::min(state_.quiet, blocking_policy::patient_looks + 3);
    pause = blocking_policy::patient_looks * blocking_policy::tick;
  }
  last_look_ = now();
  last_cpu_ = states.process_cpu();
  do {
    if (word_.is_stopping() || (pause.count() > 0 && !pause_for(pause))) return;
    looks_.add();
  } while (look(states, pause) || !fall_asleep());
}

bool monitor::look(thread_states& states, std::chrono::nanoseconds& pause) {
  blocking_view view;
  view.now = now();
  view.width = work_.width();
  view.most = work_.slots().size() + work_.most_spares();
  view.backlog = work_.has_backlog();
  const auto cpu = states.process_cpu();
  const auto passed = std::max(view.now - last_look_, std::chrono::nanoseconds(1));
  view.load = static_cast<double>((cpu - last_cpu_).count()) /
              (static_cast<double>(passed.count()) * view.width);
  last_look_ = view.now;
  last_cpu_ = cpu;

  auto& slots = work_.slots();
  const unsigned n = view.backlog ? slots.size() : 0;
  const auto& found = sampler_->look(n, [&](unsigned i) { return slots.at(i); }, view.now);
  view.running = found.running;
  view.suspects = found.suspects;
  view.newly_blocked = static_cast<unsigned>(found.blocked.size());
  view.newly_in_locks = static_cast<unsigned>(found.in_locks.size());
  view.counted_in_locks = found.still_in_locks;
  const auto orders = blocking_policy::plan(state_, view);

  for (slot* s : found.going_on) {
    if (s->mark.retract()) work_.goes_on(*s);
  }
  for (unsigned i = 0; i < orders.count; ++i) elsewhere_.add(notice(*found.blocked[i]) ? 1 : 0);
  for (unsigned i = 0; i < orders.count_in_locks; ++i) {
    in_locks_.add(notice(*found.in_locks[i]) ? 1 : 0);
  }
  work_.allow_more(orders.allowance);
  pause = orders.pause;
  return pause.count() > 0;
}

bool monitor::notice(slot& s) noexcept {
  if (!s.mark.notice([&] { return sampler_->is_still_there(s); })) return false;
  work_.is_blocked(s);
  return true;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
