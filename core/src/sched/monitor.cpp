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
  std::uint32_t seen = asleep;
  // order: what there is to do is seen by the looks that follow [pair:MONITOR]
  if (!phase_.compare_exchange_strong(seen, looking, std::memory_order_release,
                                      std::memory_order_relaxed)) {
    return;
  }
  std::lock_guard lock(starting_);
  if (is_stopping()) return;
  if (has_thread_) return futex_wake(&phase_, 1);
  if (clock::now() >= next_try_) {
    has_thread_ = static_cast<bool>(threads_.start([this] { run(); }, "-monitor"));
    next_try_ = clock::now() + retry_after;
  }
  if (has_thread_) return;
  seen = looking;
  // order: [relaxed: nobody looks; the next one to ask tries again]
  phase_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed,
                                 std::memory_order_relaxed);
}

void monitor::stop() noexcept {
  std::lock_guard lock(starting_);  // no thread of ours begins after this
  // order: its thread sees that the pool ends [pair:MONITOR]
  phase_.store(stopping, std::memory_order_release);
  futex_wake(&phase_, 1);
}

bool monitor::is_stopping() const noexcept {
  // order: as stop left things [pair:MONITOR]
  return phase_.load(std::memory_order_acquire) == stopping;
}

void monitor::rouse() noexcept {
  std::uint32_t seen = dozing;
  // order: what there is to do is seen by the look that follows [pair:MONITOR]
  if (phase_.compare_exchange_strong(seen, looking, std::memory_order_release,
                                     std::memory_order_relaxed)) {
    futex_wake(&phase_, 1);
  }
}

bool monitor::pause_for(std::chrono::nanoseconds time) noexcept {
  const auto now = clock::now();
  std::uint32_t seen = looking;
  std::uint32_t mine = looking;
  if (time > blocking_policy::tick && now - roused_ >= rouse_gap &&
      // order: [relaxed: its own word]
      phase_.compare_exchange_strong(seen, dozing, std::memory_order_relaxed,
                                     std::memory_order_relaxed)) {
    mine = dozing;
  }
  do {
    // order: as its rouser left things [pair:MONITOR]
    seen = phase_.load(std::memory_order_acquire);
  } while (seen == mine && futex_wait_until(phase_, mine, now + time));
  if (mine == dozing && seen == looking) roused_ = clock::now();
  // order: [relaxed: its own word]
  if (seen == dozing && !phase_.compare_exchange_strong(seen, looking, std::memory_order_relaxed,
                                                        std::memory_order_relaxed)) {
    roused_ = clock::now();
  }
  return !is_stopping();
}

void monitor::run() noexcept {
  std::unique_ptr<thread_states> states;
  while (!is_stopping()) {
    // order: what the waker left to do is seen by the looks that follow [pair:MONITOR]
    if (phase_.load(std::memory_order_acquire) == asleep) {
      futex_wait(phase_, asleep);
      continue;
    }
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
  std::uint32_t seen = looking;
  // order: [relaxed: ordered by the fence in has_work]
  if (!phase_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
    return false;
  }
  work_.stand_ins().reclaim();
  if (!work_.is_held_up()) return true;
  seen = asleep;
  // order: [relaxed: its own word]
  return !phase_.compare_exchange_strong(seen, looking, std::memory_order_relaxed,
                                         std::memory_order_relaxed);
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
    if (is_stopping() || (pause.count() > 0 && !pause_for(pause))) return;
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
