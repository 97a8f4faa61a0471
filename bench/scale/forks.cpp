#include <algorithm>

#include "scale/scheduler.hpp"

// How halves change hands, and how their owners wait for them: split_deque.hpp, sched/forks.cpp and
// pool/waiting.cpp of core.

namespace filch::bench::scale {

// ---- the owner --------------------------------------------------------------------------------

routine<> scheduler::run_frames(slot& me) {
  for (;;) {
    switch (walk(me)) {
      case pause_of_walk::later:
        co_await due(me);
        break;
      case pause_of_walk::asked:
        co_await answer(me);
        break;
      case pause_of_walk::stolen_or_public:
        co_await reclaim_or_wait(me);
        break;
      case pause_of_walk::ended:
        co_return;
    }
  }
}

routine<> scheduler::reclaim_or_wait(slot& me) {
  const bool mine = co_await reclaim(me);
  if (mine) {
    take_back(me);
    co_return;
  }
  half& h = me.halves[me.tail - 1];
  co_await wait_for(me, h);
  // `forget`: the place is free again.
  h.over = h.slept_on = false;
  h.thief = nullptr;
  --me.tail;
  write(me, me.tail_line);
  write(me, me.word_line);
  me.word = {me.tail, me.tail, false};
  joined(me);
}

routine<> scheduler::run_half(slot& me, half& h, bool then_search) {
  slot& owner = *h.owner;
  ++me.run;
  const context here{h.below, &h};
  const context* const outer = me.here;
  const unsigned outer_frame = me.first_frame;
  me.here = &here;
  me.first_frame = frames_of(me);
  fetch_from(me, owner, 2);  // the frame it lies in, and what that works on
  put_half(me, h);
  co_await due(me);
  co_await run_frames(me);
  me.here = outer;
  me.first_frame = outer_frame;
  if (then_search) begin_search(me);
  fetch_from(me, owner, 2);  // the result into its frame, the latch
  co_await due(me);
  h.over = true;
  if (h.slept_on) {
    h.slept_on = false;
    ++counts_.wakes;
    const double at = me.clock + machine_.cost().wake_latency;
    spend(me, machine_.cost().wake_call);
    machine_.wake(owner, at);
    co_await due(me);
  }
}

routine<> scheduler::answer(slot& me) {
  ++counts_.answers;
  write(me, me.word_line);
  co_await due(me);
  me.asked = false;
  const unsigned from = me.word.marked ? me.word.stolen : me.word.split;
  if (from < me.tail) {
    exchange(me, me.word_line);
    me.word = {me.word.stolen, from + (me.tail - from + 1) / 2, false};
  }
  spend(me, machine_.cost().fence);
  read(me, spares_line_);
  if (!crowded(me) || deficit_ > 0) co_await wake(me);
}

routine<bool> scheduler::reclaim(slot& me) {
  // `tail` is lowered already.
  read(me, me.word_line);
  co_await due(me);
  while (me.word.split > me.tail) {
    if (me.word.stolen > me.tail) {
      ++me.tail;
      write(me, me.tail_line);
      co_return false;
    }
    const split_word seen = me.word;
    exchange(me, me.word_line);
    co_await due(me);
    if (me.word == seen) {
      me.word = {seen.stolen, me.tail, false};
      co_return true;
    }
  }
  co_return true;
}

// ---- waiting ----------------------------------------------------------------------------------

routine<> scheduler::wait_for(slot& me, half& h) {
  while (!h.over) {
    read(me, passed_line_);
    if (passed_ && take_passed(me, &h)) {
      co_await run_half(me, h, false);
      continue;
    }
    const bool ran = co_await run_below(me, h);
    if (!ran) co_await sleep_for(me, h);
  }
  if (h.thief) fetch_from(me, *h.thief, 1);
  co_await due(me);
}

routine<bool> scheduler::run_below(slot& me, half& awaited) {
  const double until = me.clock + policy_.spin;
  do {
    slot* const victim = awaited.thief;
    if (victim && victim != &me) {
      half* const h = co_await rob(me, *victim);
      if (h) {
        const context* at = h->below;
        while (at && at->what != &awaited) at = at->parent;
        if (at) {
          co_await run_half(me, *h, false);
          co_return true;
        }
        co_await pass_on(me, *h);
        co_return false;
      }
      spend(me, machine_.cost().fence);  // its deque of jobs
    }
    for (int k = 0; k < 16 && !awaited.over; ++k) {
      spend(me, machine_.cost().pause);
      co_await due(me);
    }
    if (awaited.over) co_return true;
    spend(me, machine_.cost().clock);
  } while (me.clock < until);
  co_return false;
}

routine<> scheduler::sleep_for(slot& me, half& h) {
  const costs& c = machine_.cost();
  lock(me, registry_line_);
  lock(me, spares_line_);
  ++deficit_;
  add_active(me, -1);
  ++counts_.blocks;
  spend(me, c.fence);
  read(me, searchers_line_);
  if (!policy_.leave_to_searchers || searchers_ == 0) {
    co_await look_again(me, counts_.barriers_of_blocked);
  }
  while (!h.over) {
    spend(me, c.exchange + c.fence);
    if (has_passed(h)) break;
    spend(me, c.sleep);
    co_await due(me);
    if (h.over) break;
    h.slept_on = true;
    h.nudged = false;
    co_await machine_.sleep(me);
    if (h.nudged) break;
  }
  h.slept_on = false;
  add_active(me, 1);
  lock(me, spares_line_);
  --deficit_;
  lock(me, registry_line_);
  co_await due(me);
}

// ---- the thief --------------------------------------------------------------------------------

// The part of `rob` and `steal` that costs no exchange: true if there is something to take.
bool scheduler::look_for_forks(slot& me, slot& victim, bool& by_force) {
  read(me, victim.word_line);
  if (!victim.word.marked && victim.word.stolen < victim.word.split) return true;
  if (!victim.asked) {
    if (me.watched == &victim) me.watched = nullptr;
    write(me, victim.word_line);
    victim.asked = true;
    return false;
  }
  by_force = may_force(me, victim);
  return by_force;
}

routine<half*> scheduler::rob(slot& me, slot& victim) {
  bool by_force = false;
  half* got = nullptr;
  const bool worth_it = look_for_forks(me, victim, by_force);
  if (worth_it && by_force) got = co_await force(me, victim);
  if (worth_it && !by_force) got = co_await steal(me, victim);
  co_await due(me);
  co_return got;
}

bool scheduler::may_force(slot& me, slot& victim) {
  read(me, victim.tail_line);
  if (victim.looks_empty()) {
    if (me.watched == &victim) me.watched = nullptr;
    return false;
  }
  spend(me, machine_.cost().clock);
  if (!me.watched) {
    me.watched = &victim;
    me.watched_since = me.clock;
  }
  if (me.watched != &victim || me.clock - me.watched_since < policy_.patience) return false;
  read(me, force_line_);
  if (me.clock < next_force_) return false;
  exchange(me, force_line_);
  next_force_ = me.clock + policy_.force_gap;
  me.watched = nullptr;
  return true;
}

routine<half*> scheduler::steal(slot& me, slot& victim) {
  const split_word seen = victim.word;
  co_await due(me);
  exchange(me, victim.word_line);
  co_await due(me);
  if (victim.word != seen || seen.marked || seen.stolen >= seen.split) co_return nullptr;
  victim.word.stolen = seen.stolen + 1;
  half& h = victim.halves[seen.stolen];
  fetch_from(me, victim, 2);  // which job lies there, and who has it
  h.owner = &victim;
  h.thief = &me;
  ++me.stolen;
  ++counts_.stolen;
  co_return &h;
}

routine<half*> scheduler::force(slot& me, slot& victim) {
  exchange(me, victim.word_line);
  co_await due(me);
  if (victim.forcing) co_return nullptr;
  victim.forcing = true;
  ++counts_.forces;
  const split_word before = victim.word;
  const unsigned from = before.split;
  half* got = nullptr;
  if (!before.marked && before.stolen == from && victim.tail > from) {
    const unsigned to = from + (victim.tail - from + 1) / 2;
    const split_word marked{from, to, true};
    exchange(me, victim.word_line);
    victim.word = marked;
    spend(me, machine_.barrier(me, threads_));
    co_await due(me);
    read(me, victim.tail_line);
    const unsigned left = std::min(to, victim.tail);
    exchange(me, victim.word_line);
    co_await due(me);
    if (victim.word == marked) {
      if (left <= from) {
        victim.word = {from, from, false};
      } else {
        victim.word = {from + 1, left, false};
        got = &victim.halves[from];
        fetch_from(me, victim, 2);
        got->owner = &victim;
        got->thief = &me;
        ++me.stolen;
        ++me.forced;
        ++counts_.stolen;
        ++counts_.forced;
      }
    }
  }
  victim.forcing = false;
  write(me, victim.word_line);
  co_await due(me);
  co_return got;
}

// ---- halves that had to be passed on ----------------------------------------------------------

routine<> scheduler::pass_on(slot& me, half& h) {
  lock(me, passed_line_);
  ++counts_.passed;
  h.next_passed = passed_;
  passed_ = &h;
  h.thief = nullptr;
  if (h.slept_on) {
    h.nudged = true;
    h.slept_on = false;
    ++counts_.wakes;
    machine_.wake(*h.owner, me.clock + machine_.cost().wake_latency);
    spend(me, machine_.cost().wake_call);
  }
  co_await due(me);
  co_await wake(me);
}

// The one that is wanted, or, for null, any.
half* scheduler::take_passed(slot& me, half* wanted) {
  lock(me, passed_line_);
  for (half** at = &passed_; *at; at = &(*at)->next_passed) {
    if (wanted && *at != wanted) continue;
    half* const found = *at;
    *at = found->next_passed;
    found->thief = &me;
    return found;
  }
  return nullptr;
}

bool scheduler::has_passed(const half& h) const noexcept {
  for (const half* at = passed_; at; at = at->next_passed) {
    if (at == &h) return true;
  }
  return false;
}

}  // namespace filch::bench::scale
