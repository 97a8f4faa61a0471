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
  write(me, me.run_line);
  exchange(me, searchers_line_);
  ++searchers_;
}

void scheduler::give_up_search(slot& me) {
  if (!me.searching) return;
  me.searching = false;
  write(me, me.run_line);
  exchange(me, searchers_line_);
  --searchers_;
}

routine<> scheduler::end_search(slot& me) {
  if (!me.searching) co_return;
  me.searching = false;
  write(me, me.run_line);
  exchange(me, searchers_line_);
  if (searchers_-- > 1) co_return;
  spend(me, machine_.cost().fence);
  read(me, spares_line_);
  if (!crowded(me) || deficit_ > 0) {
    co_await look_again(me, counts_.barriers_of_finders);
    co_return;
  }
  const bool queued = co_await sees_queued(me);
  if (queued) co_await wake(me);
}

// A queue holds a job, or a thread that sleeps has forks.
routine<bool> scheduler::sees_queued(slot& me) {
  read(me, injected_line_);
  read(me, passed_line_);
  co_await due(me);
  if (root_queued_ || passed_) co_return true;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slot& s = *slots_[i];
    read(me, s.run_line);
    if (s.asleep) {
      read(me, s.word_line);
      read(me, s.tail_line);
    }
    co_await due(me);
    if (s.asleep && !s.looks_empty()) co_return true;
  }
  co_return false;
}

// Leaves that question with every owner; true if some had a lesser one.
routine<bool> scheduler::ask_all(slot& me, question as) {
  bool any = false;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slot& s = *slots_[i];
    read(me, s.word_line);
    if (s.asked_by < as) {
      write(me, s.word_line);
      s.asked_by = as;
      any = true;
    }
    co_await due(me);
  }
  co_return any;
}

routine<bool> scheduler::has_work(slot& me, std::uint64_t& counted) {
  spend(me, machine_.cost().fence);
  co_await ask_all(me, question::hint);
  bool seen = false;
  if (policy_.look_first) seen = co_await sees_work(me);
  if (seen) co_return true;
  const bool any = co_await ask_all(me, question::stands);
  if (policy_.questions_stand && !any) co_return false;
  ++counted;
  spend(me, machine_.barrier(me, threads_));
  co_await due(me);
  seen = co_await sees_work(me);
  co_return seen;
}

routine<bool> scheduler::sees_work(slot& me) {
  const bool queued = co_await sees_queued(me);
  if (queued) co_return true;
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

// One job: one thread is enough; it is called where fewer than so many search.
routine<> scheduler::wake(slot& me, int enough) {
  spend(me, machine_.cost().fence);
  read(me, searchers_line_);
  co_await due(me);
  if (searchers_ >= enough) co_return;
  const bool called = co_await call_sleeper(me);
  if (called) co_return;
  read(me, spares_line_);
  if (deficit_ > 0) call_stand_in(me);
  co_await due(me);
}

// Takes a sleeper off the count, relies on it, and gets it up; false if nobody sleeps.
routine<bool> scheduler::call_sleeper(slot& me) {
  const costs& c = machine_.cost();
  read(me, sleep_line_);
  co_await due(me);
  if (announced_ == 0) co_return false;
  exchange(me, sleep_line_);
  --announced_;
  if (policy_.count_called) {
    exchange(me, searchers_line_);
    ++searchers_;
  }
  exchange(me, sleep_line_);
  ++calls_;
  if (asleep_.empty()) {
    spend(me, c.wake_nobody);
    co_await due(me);
    co_return true;
  }
  slot& sleeper = *asleep_.front();
  asleep_.erase(asleep_.begin());
  ++counts_.wakes;
  const double at = me.clock + c.wake_latency;
  spend(me, c.wake_call);
  machine_.wake(sleeper, at);
  co_await due(me);
  co_return true;
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
  ++announced_;
  spend(me, machine_.cost().fence);
  co_await due(me);
  bool needed = me.is_spare && deficit_ < 0;
  if (!needed) needed = co_await is_needed(me);
  if (needed) {
    co_await withdraw(me);
  } else {
    ++counts_.parks;
    write(me, me.run_line);
    co_await sleep_until_called(me);
    is_up(me, true);
    note_home(me);
  }
  co_await due(me);
}

routine<bool> scheduler::is_needed(slot& me) {
  read(me, searchers_line_);
  co_await due(me);
  if (policy_.leave_to_searchers && searchers_ > 0) co_return false;
  bool needed = false;
  if (crowded(me)) {
    needed = co_await sees_queued(me);
  } else {
    needed = co_await has_work(me, counts_.barriers_to_sleep);
  }
  co_return needed;
}

// Exactly one sleeper answers each call; which, is all the same.
routine<> scheduler::sleep_until_called(slot& me) {
  for (;;) {
    read(me, sleep_line_);
    co_await due(me);
    if (calls_ > 0) {
      --calls_;
      exchange(me, sleep_line_);
      co_return;
    }
    spend(me, machine_.cost().sleep);
    co_await due(me);
    if (calls_ > 0) continue;
    asleep_.push_back(&me);
    co_await machine_.sleep(me);
  }
}

routine<> scheduler::withdraw(slot& me) {
  exchange(me, sleep_line_);
  const bool called = announced_ == 0;
  if (called) {
    co_await sleep_until_called(me);
  } else {
    --announced_;
  }
  is_up(me, called);
}

// Who was called was counted by the caller.
void scheduler::is_up(slot& me, bool called) {
  add_active(me, 1);
  if (called && policy_.count_called) {
    me.searching = true;
  } else {
    begin_search(me);
  }
}

}  // namespace filch::bench::scale
