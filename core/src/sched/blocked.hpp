#pragma once

#include <filch/detail/current.hpp>

#include "sched/scheduler.hpp"
#include "sched/spares.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// Marks the worker that the calling thread is, of whichever pool, as blocked for a scope: a
/// spare may take its place meanwhile. Where it is a guest it is not at work there meanwhile.
class blocked_worker {
 public:
  explicit blocked_worker(slot* home) noexcept : home_(home), own_(own_slot(home)) {
    for (slot* s = home_; s; s = s->outer) s->set_asleep(true);
    for (slot* s = home_; s; s = s->outer) {
      if (is_guest(*s) && s->blocked++ == 0) s->cpu->guest_rests();
    }
    if (own_ && own_->blocked++ == 0) own_->cpu->stand_ins().worker_blocks();
  }
  blocked_worker(const blocked_worker&) = delete;
  blocked_worker& operator=(const blocked_worker&) = delete;
  ~blocked_worker() {
    if (own_ && --own_->blocked == 0) own_->cpu->stand_ins().worker_returns();
    for (slot* s = home_; s; s = s->outer) {
      if (is_guest(*s) && --s->blocked == 0) s->cpu->thread_returns();
      s->set_asleep(s->blocked != 0);
    }
  }

 private:
  static bool is_guest(const slot& s) noexcept { return s.role() == slot::kind::guest && s.counts; }
  static slot* own_slot(slot* home) noexcept {
    for (; home; home = home->outer) {
      if (home->role() == slot::kind::worker || home->role() == slot::kind::spare) return home;
    }
    return nullptr;
  }
  slot* home_;
  slot* own_;
};

/// Lets others have the turn of a pool without workers while its holder sleeps.
class turn_pause {
 public:
  turn_pause() noexcept : of_(current.turn) {
    if (of_) of_->turn().unlock();
  }
  turn_pause(const turn_pause&) = delete;
  turn_pause& operator=(const turn_pause&) = delete;
  ~turn_pause() {
    if (of_) of_->turn().lock();
  }

 private:
  scheduler* of_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
