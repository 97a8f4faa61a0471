#include <algorithm>

#include "scale/scheduler.hpp"

// Who is awake, who sleeps, who wakes whom: core/src/sched/crew.hpp and spares.cpp.

namespace filch::bench::scale {

void scheduler::lock(slot& me, line& l) noexcept {
  // Taken and given back: two exchanges, and the next one waits for both.
  exchange(me, l);
  spend(me, machine_.cost().exchange);
}

bool scheduler::crowded(slot& me, int without) {
  read(me, active_line_);
  return active_ - without >= static_cast<int>(width_);
}

void scheduler::add_active(slot& me, int n) {
  exchange(me, active_line_);
  active_ += n;
}

void scheduler::begin_search(slot& me) {
  if (me.searching) return;
  me.searching = true;
  exchange(me, searchers_line_);
  ++searchers_;
}

void scheduler::give_up_search(slot& me) {
  if (!me.searching) return;
  me.searching = false;
  exchange(me, searchers_line_);
  --searchers_;
}

routine<> scheduler::end_search(slot& me) {
  if (!me.searching) co_return;
  me.searching = false;
  exchange(me, searchers_line_);
  if (searchers_-- > 1) co_return;
  spend(me, machine_.cost().fence);
  read(me, spares_line_);
  if (!crowded(me) || deficit_ > 0) {
    co_await look_again(me, counts_.barriers_of_finders);
  } else if (sees_queued(me)) {
    co_await wake(me);
  }
}

bool scheduler::sees_queued(slot& me) {
  read(me, injected_line_);
  read(me, passed_line_);
  return root_queued_ || passed_ != nullptr;
}

routine<bool> scheduler::has_work(slot& me, std::uint64_t& counted) {
  spend(me, machine_.cost().fence);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slot& s = *slots_[i];
    read(me, s.word_line);
    if (!s.asked) {
      write(me, s.word_line);
      s.asked = true;
    }
    co_await due(me);
  }
  bool seen = false;
  if (policy_.look_first) seen = co_await sees_work(me);
  if (seen) co_return true;
  ++counted;
  spend(me, machine_.barrier(me, threads_));
  co_await due(me);
  seen = co_await sees_work(me);
  co_return seen;
}

routine<bool> scheduler::sees_work(slot& me) {
  if (sees_queued(me)) co_return true;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slot& s = *slots_[i];
    read(me, s.word_line);
    read(me, s.tail_line);
    co_await due(me);
    if (!s.looks_empty()) co_return true;
  }
  co_return false;
}

routine<> scheduler::look_again(slot& me, std::uint64_t& counted) {
  const bool work = co_await has_work(me, counted);
  if (work) co_await wake(me);
}

// One job: one thread is enough.
routine<> scheduler::wake(slot& me) {
  const costs& c = machine_.cost();
  spend(me, 2 * c.fence);
  read(me, searchers_line_);
  co_await due(me);
  if (searchers_ >= 1) co_return;
  read(me, sleep_line_);
  co_await due(me);
  if (announced_ > 0) {
    exchange(me, sleep_line_);
    ++epoch_;
    if (asleep_.empty()) {
      spend(me, c.wake_nobody);
      co_await due(me);
      co_return;
    }
    slot& sleeper = *asleep_.front();
    asleep_.erase(asleep_.begin());
    ++counts_.wakes;
    const double at = me.clock + c.wake_latency;
    spend(me, c.wake_call);
    machine_.wake(sleeper, at);
    co_await due(me);
    co_return;
  }
  read(me, spares_line_);
  if (deficit_ > 0) call_stand_in(me);
  co_await due(me);
}

void scheduler::call_stand_in(slot& me) {
  const costs& c = machine_.cost();
  lock(me, spares_line_);
  if (deficit_ <= 0) return;
  --deficit_;
  if (!resting_.empty()) {
    slot& spare = *resting_.back();
    resting_.pop_back();
    ++counts_.wakes;
    const double at = me.clock + c.wake_latency;
    spend(me, c.wake_call);
    machine_.wake(spare, at);
    return;
  }
  ++counts_.spares;
  slot& spare = add_slot();
  spare.is_spare = true;
  const double at = me.clock + c.start_latency;
  spend(me, c.start_call);
  start(spare, work_as_spare(spare), at);
}

bool scheduler::step_down(slot& me) {
  lock(me, spares_line_);
  if (deficit_ >= 0) return false;
  ++deficit_;
  return true;
}

routine<> scheduler::park(slot& me) {
  give_up_search(me);
  add_active(me, -1);
  exchange(me, sleep_line_);
  spend(me, machine_.cost().fence);
  ++announced_;
  const auto key = epoch_;
  co_await due(me);
  const bool steps_down = me.is_spare && deficit_ < 0;
  bool needed = steps_down;
  if (!needed) {
    read(me, searchers_line_);
    if (crowded(me) || (policy_.leave_to_searchers && searchers_ > 0)) {
      needed = sees_queued(me);
    } else {
      needed = co_await has_work(me, counts_.barriers_to_sleep);
    }
  }
  if (!needed) {
    ++counts_.parks;
    spend(me, machine_.cost().sleep);
    co_await due(me);
    if (epoch_ == key) {
      asleep_.push_back(&me);
      co_await machine_.sleep(me);
    }
  }
  exchange(me, sleep_line_);
  --announced_;
  add_active(me, 1);
  begin_search(me);
  co_await due(me);
}

}  // namespace filch::bench::scale
