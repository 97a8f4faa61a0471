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
  write(me, me.run_line);
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
  me.asked_by = question::none;
  const unsigned from = me.word.marked ? me.word.stolen : me.word.split;
  if (from < me.tail) {
    exchange(me, me.word_line);
    me.word = {me.word.stolen, from + (me.tail - from + 1) / 2, false};
  }
  spend(me, machine_.cost().fence);
  read(me, spares_line_);
  if (crowded(me) && deficit_ <= 0) co_return;
  const auto share = static_cast<int>(policy_.search_share);
  co_await wake(me, share == 0 ? 1 : 1 + active_ / share);
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
      bool by_force = false;
      half* h = nullptr;
      const bool tries = co_await look_for_forks(me, *victim, by_force);
      if (tries) h = co_await take(me, *victim, by_force);
      co_await due(me);
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
  write(me, me.run_line);
  me.asleep = true;
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
  write(me, me.run_line);
  me.asleep = false;
  lock(me, registry_line_);
  co_await due(me);
}

// ---- the thief --------------------------------------------------------------------------------

// The part of `rob` before it takes anything: true if it shall be tried.
routine<bool> scheduler::look_for_forks(slot& me, slot& victim, bool& by_force) {
  read(me, victim.word_line);
  const bool has_public = victim.has_public();
  if (has_public && policy_.leave_fresh) {
    spend(me, 10 * machine_.cost().pause);
    co_await due(me);
    read(me, victim.word_line);
    if (!victim.has_public()) co_return false;
  }
  by_force = !has_public && victim.asked();
  if (by_force && !keeps_silent(me, victim)) co_return false;
  // A thread too many leaves halves to owners that are awake.
  if (crowded(me, 1)) {
    read(me, victim.run_line);
    if (!victim.asleep) co_return false;
  }
  if (has_public) co_return true;
  if (by_force) co_return may_force(me);
  if (me.watched == &victim) me.watched = nullptr;
  write(me, victim.word_line);
  victim.asked_by = question::hint;
  co_return false;
}

bool scheduler::keeps_silent(slot& me, slot& victim) {
  if (++me.visits % policy_.visits_a_look != 0) return false;
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
  return me.watched == &victim && me.clock - me.watched_since >= policy_.patience;
}

bool scheduler::may_force(slot& me) {
  spend(me, machine_.cost().clock);
  read(me, force_line_);
  if (me.clock < next_force_) return false;
  exchange(me, force_line_);
  next_force_ = me.clock + policy_.force_gap;
  return true;
}

routine<half*> scheduler::take(slot& me, slot& victim, bool by_force) {
  half* got = co_await steal(me, victim);
  if (!got && !victim.asked()) {
    if (me.watched == &victim) me.watched = nullptr;
    write(me, victim.word_line);
    victim.asked_by = question::hint;
  } else if (!got && by_force) {
    me.watched = nullptr;
    got = co_await force(me, victim);
  }
  co_return got;
}

half* scheduler::taken(slot& me, slot& victim, unsigned place) {
  half& h = victim.halves[place];
  fetch_from(me, victim, 2);  // which job lies there, and who has it
  h.owner = &victim;
  h.thief = &me;
  write(me, me.run_line);
  ++me.stolen;
  ++counts_.stolen;
  if (machine_.socket_of(me.number) != machine_.socket_of(victim.number)) ++counts_.stolen_far;
  return &h;
}

routine<half*> scheduler::steal(slot& me, slot& victim) {
  read(me, victim.word_line);
  if (!victim.has_public()) co_return nullptr;
  const split_word seen = victim.word;
  co_await due(me);
  exchange(me, victim.word_line);
  co_await due(me);
  if (victim.word != seen) co_return nullptr;
  victim.word.stolen = seen.stolen + 1;
  co_return taken(me, victim, seen.stolen);
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
        got = taken(me, victim, from);
        ++me.forced;
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
