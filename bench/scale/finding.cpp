#include <algorithm>
#include <stdexcept>
#include <utility>

#include "scale/scheduler.hpp"

// Finding work, and the loops of workers and spares: core/src/sched/scheduler.cpp.

namespace filch::bench::scale {

namespace {
constexpr std::uint64_t fairness = 61;
}

scheduler::scheduler(const costs& c, const policy& p, unsigned workers, unsigned sockets,
                     std::uint32_t seed)
    : machine_(c, workers, sockets), policy_(p), width_(workers), seed_(seed) {
  slots_.reserve(most_slots);
  for (unsigned i = 0; i < workers; ++i) add_slot();
}

slot& scheduler::add_slot() {
  if (slots_.size() == most_slots)
    throw std::runtime_error("more spares than the model has room for");
  auto& s = *slots_.emplace_back(std::make_unique<slot>(static_cast<unsigned>(slots_.size())));
  s.seed += seed_ * 40503U;
  threads_.push_back(&s);
  return s;
}

void scheduler::start(slot& s, routine<> what, double at) {
  s.where = what.handle();
  bodies_.push_back(std::move(what));
  machine_.wake(s, at);
}

// All workers sleep, as in a pool that had nothing to do; the caller has queued the root and wakes
// one. The others begin where the wake-up leaves them: in `park`.
double scheduler::run() {
  root_queued_ = true;
  announced_ = static_cast<unsigned>(slots_.size());
  for (auto& s : slots_) {
    auto body = work_and_park(*s);
    s->where = body.handle();
    bodies_.push_back(std::move(body));
    asleep_.push_back(s.get());
  }
  slot& first = *asleep_.front();
  asleep_.erase(asleep_.begin());
  ++epoch_;
  machine_.wake(first, machine_.cost().wake_latency);
  machine_.run();
  return ended_at_ + machine_.cost().wake_latency;
}

routine<> scheduler::work_and_park(slot& me) {
  exchange(me, sleep_line_);
  --announced_;
  add_active(me, 1);
  begin_search(me);
  co_await due(me);
  // Apart, and not in one condition: g++ 12 cannot compile a co_await behind an operator.
  for (;;) {
    bool found = co_await run_one(me);
    if (!found) found = co_await find_for_a_while(me);
    if (!found) co_await park(me);
  }
}

routine<> scheduler::work_as_spare(slot& me) {
  for (;;) {
    add_active(me, 1);
    begin_search(me);
    co_await due(me);
    while (!step_down(me)) {
      bool found = co_await run_one(me);
      if (!found) found = co_await find_for_a_while(me);
      if (!found) co_await park(me);
    }
    give_up_search(me);
    add_active(me, -1);
    co_await look_again(me, counts_.barriers_to_sleep);
    lock(me, spares_line_);
    spend(me, machine_.cost().sleep);
    co_await due(me);
    resting_.push_back(&me);
    co_await machine_.sleep(me);
  }
}

routine<bool> scheduler::run_one(slot& me) {
  // Its own deque of jobs is empty: a look, and a fence.
  spend(me, machine_.cost().fence);
  read(me, passed_line_);
  if (passed_) {
    if (half* h = take_passed(me, nullptr)) {
      co_await end_search(me);
      co_await run_half(me, *h, true);
      co_return true;
    }
  }
  read(me, injected_line_);
  co_await due(me);
  if (root_queued_) {
    lock(me, injected_line_);
    root_queued_ = false;
    co_await end_search(me);
    ++me.run;
    put_root(me);
    co_await run_frames(me);
    ended_at_ = me.clock + machine_.cost().wake_call;
    machine_.stop();
    co_await machine_.sleep(me);
  }
  const bool found = co_await run_stolen(me);
  co_return found;
}

unsigned scheduler::victim_of(const slot& me, unsigned first, unsigned k) const noexcept {
  const auto n = static_cast<unsigned>(slots_.size());
  if (!policy_.near_first) return (first + k) % n;
  // Those of the own socket from a random start, then the others from there.
  unsigned seen = 0;
  for (const bool near : {true, false}) {
    for (unsigned i = 0; i < n; ++i) {
      const unsigned at = (first + i) % n;
      if ((machine_.socket_of(at) == machine_.socket_of(me.number)) != near) continue;
      if (seen++ == k) return at;
    }
  }
  return first;
}

routine<bool> scheduler::run_stolen(slot& me) {
  const bool more_than_enough = crowded(me, 1);
  const auto n = static_cast<unsigned>(slots_.size());
  const unsigned first = me.random() % n;
  for (unsigned k = 0; k < n; ++k) {
    slot& victim = *slots_[victim_of(me, first, k)];
    if (&victim == &me) continue;
    bool by_force = false;
    if (!more_than_enough && look_for_forks(me, victim, by_force)) {
      half* h = nullptr;
      if (by_force) {
        h = co_await force(me, victim);
      } else {
        h = co_await steal(me, victim);
        if (!h) h = co_await rob(me, victim);
      }
      if (h) {
        co_await end_search(me);
        co_await run_half(me, *h, true);
        co_return true;
      }
    }
    // Its deque of jobs, which nobody uses here: two lines that stay in our cache, and a fence.
    spend(me, machine_.cost().fence);
    co_await due(me);
  }
  co_return false;
}

routine<bool> scheduler::find_for_a_while(slot& me) {
  begin_search(me);
  const double until = me.clock + policy_.spin;
  do {
    for (int i = 0; i < 16; ++i) {
      const bool found = co_await run_one(me);
      if (found) co_return true;
      spend(me, 8 * machine_.cost().pause);
      co_await due(me);
    }
    spend(me, machine_.cost().clock);
  } while (!crowded(me, 1) && me.clock < until);
  co_return false;
}

}  // namespace filch::bench::scale
