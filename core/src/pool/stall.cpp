#include "pool/stall.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <utility>

#include <filch/detail/current.hpp>
#include <filch/error.hpp>

#include "base/thread_end.hpp"
#include "pool/pool_core.hpp"
#include "sched/blocked.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

// How long everything must have stood still. A thread that nobody knows of yet may be on its way
// to its first push.
constexpr auto patience = std::chrono::milliseconds(500);
constexpr auto between_looks = std::chrono::milliseconds(50);

bool counts(const slot& s) noexcept {
  switch (s.role()) {
    case slot::kind::worker:
    case slot::kind::spare:
      return true;
    case slot::kind::io:
      return s.counts;
    default:
      return false;
  }
}

// The record outlives the thread's own objects, which may still use queues while they end.
constinit thread_local outsider* record = nullptr;
constinit thread_local bool thread_ends = false;

constinit thread_local std::shared_ptr<outsider>* held = nullptr;

void end_record() noexcept {
  const std::unique_ptr<std::shared_ptr<outsider>> mine(std::exchange(held, nullptr));
  record = nullptr;
  thread_ends = true;
  std::lock_guard lock((*mine)->lock);
  (*mine)->ended = true;
}
constinit thread_local thread_end record_end{end_record};

}  // namespace

// ---- outsiders --------------------------------------------------------------------------------

std::shared_ptr<outsider> outsider::of_this_thread() {
  if (thread_ends) return {};
  if (!held) {
    auto fresh = std::make_unique<std::shared_ptr<outsider>>(std::make_shared<outsider>());
    if (!at_thread_end(record_end)) throw std::bad_alloc();
    held = fresh.release();
    record = held->get();
  }
  return *held;
}

outsider* outsider::known() noexcept { return record; }

outsider_asleep::outsider_asleep(const pool_core* of) noexcept : me_(of ? record : nullptr) {
  if (!me_) return;
  std::lock_guard lock(me_->lock);
  me_->waits_for = of;
}

outsider_asleep::outsider_asleep(queue_core& in) noexcept : me_(record) {
  if (!me_) return;
  std::lock_guard lock(me_->lock);
  me_->waits_in = ref<queue_core>::share(&in);
}

outsider_asleep::~outsider_asleep() {
  if (!me_) return;
  ref<queue_core> was_in;  // dropped without the lock
  std::lock_guard lock(me_->lock);
  me_->waits_for = nullptr;
  std::swap(was_in, me_->waits_in);
}

pool_core* counted_in() noexcept {
  for (const slot* s = current.home; s; s = s->outer) {
    if (counts(*s)) return s->core;
  }
  return nullptr;
}

// ---- endless sleeps ---------------------------------------------------------------------------

endless_sleep::endless_sleep(pool_core& pool, queue_core* in, latch& word) noexcept
    : pool_(pool), in_(in), word_(word) {
  pool_.stalls().enter(*this);
}

endless_sleep::~endless_sleep() { pool_.stalls().leave(*this); }

bool depends_on(awaited& a, const pool_core& pool) noexcept {
  if (a.pool() != &pool) return false;
  std::size_t parts = 0;
  while (const slot* runner = a.runner(parts)) {
    if (runner->core != &pool || !counts(*runner)) return false;
    ++parts;
  }
  return parts != 0;
}

bool stall_watch::all_asleep(const pool_core& pool) const noexcept {
  return asleep_ >= pool.most_threads();
}

void stall_watch::enter(endless_sleep& s) noexcept {
  std::lock_guard lock(lock_);
  s.next_ = first_;
  if (first_) first_->previous_ = &s;
  first_ = &s;
  ++asleep_;
  if (s.in_ || !all_asleep(s.pool_)) return;  // a sleeper in a queue looks by itself
  for (auto* other = first_; other; other = other->next_) {
    if (other->in_) return other->word_.nudge();
  }
}

void stall_watch::leave(endless_sleep& s) noexcept {
  std::lock_guard lock(lock_);
  (s.previous_ ? s.previous_->next_ : first_) = s.next_;
  if (s.next_) s.next_->previous_ = s.previous_;
  --asleep_;
  ++moves_;
}

stall_watch::verdict stall_watch::look(const endless_sleep& s, std::uint64_t& moves) noexcept {
  std::lock_guard lock(lock_);
  if (s.doomed_) return verdict::doomed;
  moves = moves_;
  return all_asleep(s.pool_) ? verdict::suspect : verdict::fine;
}

void stall_watch::condemn(std::uint64_t moves) {
  std::lock_guard lock(lock_);
  if (moves != moves_ || !first_ || !all_asleep(first_->pool_)) return;
  std::vector<const queue_core*> seen;
  for (auto* s = first_; s; s = s->next_) {
    if (s->in_ && !s->in_->only_for(s->pool_, seen)) return;
  }
  for (auto* s = first_; s; s = s->next_) {
    if (!s->in_) continue;
    s->doomed_ = true;
    s->word_.nudge();
  }
}

// ---- sleeping ---------------------------------------------------------------------------------

namespace {

[[noreturn]] void throw_stalled() {
  throw would_deadlock(
      "filch: this wait in a queue can never end: all threads that the pool may have sleep in "
      "queues or for jobs that do, and so do the threads outside that use these queues. Allow more "
      "threads (pool_options::max_threads), or let a queue hold more");
}

void sleep_until_called(stall_watch& watch, const endless_sleep& me, latch& called) {
  using clock = std::chrono::steady_clock;
  std::uint64_t began_at = 0;
  clock::time_point since{};
  bool suspicious = false;
  while (const auto key = called.prepare()) {
    std::uint64_t moves = 0;
    const auto what = watch.look(me, moves);
    if (what == stall_watch::verdict::doomed) throw_stalled();
    if (what == stall_watch::verdict::fine) {
      suspicious = false;
      called.sleep(key);
      continue;
    }
    if (!suspicious || moves != began_at) {
      suspicious = true;
      began_at = moves;
      since = clock::now();
    } else if (clock::now() - since >= patience) {
      watch.condemn(moves);
      since = clock::now();  // not judged: some outsider may still do something
      if (watch.look(me, moves) == stall_watch::verdict::doomed) throw_stalled();
    }
    static_cast<void>(called.wait_until(clock::now() + between_looks));
  }
}

}  // namespace

void sleep_in_queue(queue_core& q, latch& called, queue_patience::time_point until) {
  if (current.ctx) current.ctx->pool->require_same_process();
  const turn_pause paused;
  const blocked_worker stood_in_for(current.home, blocked_worker::on::others);
  if (until != queue_patience::time_point::max()) {
    static_cast<void>(called.wait_until(until));
    return;
  }
  if (pool_core* pool = counted_in()) {
    const endless_sleep asleep(*pool, &q, called);
    sleep_until_called(pool->stalls(), asleep, called);
  } else {
    const outsider_asleep asleep(q);
    called.wait();
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
