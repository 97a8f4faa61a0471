#pragma once

#include <filch/detail/current.hpp>

#include "sched/scheduler.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// Marks the worker that the calling thread is, of whichever pool, as blocked for a scope: a
/// spare may take its place meanwhile. Where it is a guest it is not at work there meanwhile.
class blocked_worker {
 public:
  /// What it waits for: parts of its own call, or something else.
  enum class on : bool { parts, others };

  blocked_worker(slot* home, on what) noexcept : home_(home) {
    for (slot* s = home_; s; s = s->outer) {
      if (s->blocked++ == 0) s->cpu->begins_wait(*s, what == on::others);
    }
  }
  blocked_worker(const blocked_worker&) = delete;
  blocked_worker& operator=(const blocked_worker&) = delete;
  ~blocked_worker() {
    for (slot* s = home_; s; s = s->outer) {
      if (--s->blocked == 0) s->cpu->ends_wait(*s);
    }
  }

 private:
  slot* home_;
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
