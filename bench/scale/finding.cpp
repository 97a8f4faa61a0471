#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "scale/scheduler.hpp"

// Finding work, and the loops of workers and spares: core/src/sched/scheduler.cpp and workers.cpp.

namespace filch::bench::scale {

scheduler::scheduler(const costs& c, const policy& p, const shape& on, std::uint32_t seed)
    : machine_(c, on.workers, on.sockets, on.complexes),
      policy_(p),
      width_(on.workers),
      seed_(seed) {
  slots_.reserve(most_slots);
  for (unsigned i = 0; i < width_; ++i) add_slot();
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
  --announced_;
  ++calls_;
  if (policy_.count_called) ++searchers_;
  machine_.wake(first, machine_.cost().wake_latency);
  machine_.run();
  return ended_at_ + machine_.cost().wake_latency;
}

routine<> scheduler::work_and_park(slot& me) {
  co_await sleep_until_called(me);
  is_up(me, true);
  note_home(me);
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
    note_home(me);
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
  // Its own deque of jobs is empty, which is seen without a fence.
  write(me, me.look_line);
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

void scheduler::note_home(slot& me) {
  if (policy_.near_first && machine_.farthest() != 0) write(me, me.look_line);
}

routine<bool> scheduler::run_stolen(slot& me) {
  const bool roams = policy_.roam != 0 && ++me.sweeps % policy_.roam == 0;
  const unsigned farthest = policy_.near_first && !roams ? machine_.farthest() : 0;
  for (unsigned away = 0; away <= farthest; ++away) {
    const bool ran = co_await run_group(me, away, farthest);
    if (ran) co_return true;
  }
  co_return false;
}

// All victims that are so far away, from a random start; for `farthest` 0 all there are.
routine<bool> scheduler::run_group(slot& me, unsigned away, unsigned farthest) {
  const auto n = static_cast<unsigned>(slots_.size());
  unsigned at = me.random() % n;
  const unsigned step = policy_.random_stride ? stride(me, n) : 1;
  write(me, me.look_line);
  for (unsigned k = 0; k < n; ++k, at = (at + step) % n) {
    slot& victim = *slots_[at];
    if (farthest != 0) {
      if (!policy_.home_apart) read(me, victim.look_line);
      co_await due(me);
      if (machine_.steps(me.number, victim.number) != away) continue;
    }
    if (&victim == &me) continue;
    const bool ran = co_await run_found(me, victim);
    if (ran) co_return true;
  }
  co_return false;
}

routine<bool> scheduler::run_found(slot& me, slot& victim) {
  bool by_force = false;
  const bool tries = co_await look_for_forks(me, victim, by_force);
  if (tries) {
    half* const h = co_await take(me, victim, by_force);
    if (h) {
      co_await end_search(me);
      co_await run_half(me, *h, true);
      co_return true;
    }
  }
  // Its deque of jobs, which nobody uses here: two lines that stay in our cache, and a fence.
  spend(me, machine_.cost().fence);
  co_await due(me);
  co_return false;
}

// A number that, added again and again, comes by all n.
unsigned scheduler::stride(slot& me, unsigned n) const noexcept {
  unsigned step = 1 + me.random() % n;
  while (std::gcd(step, n) != 1) ++step;
  return step;
}

routine<bool> scheduler::find_for_a_while(slot& me) {
  begin_search(me);
  const double until = me.clock + policy_.spin;
  double gap = 100;
  do {
    const bool found = co_await run_one(me);
    if (found) co_return true;
    const double next = me.clock + gap;
    do {
      spend(me, machine_.cost().pause + machine_.cost().clock);
    } while (me.clock < next);
    co_await due(me);
    gap = std::min(2 * gap, 700.0);
  } while (!crowded(me, 1) && me.clock < until);
  co_return false;
}

}  // namespace filch::bench::scale
