#include <filch/detail/loop.hpp>

#include <algorithm>
#include <utility>

#include <filch/detail/current.hpp>

#include "pool/loop_share.hpp"
#include "pool/pool_core.hpp"

// Who takes part in a loop: tickets in a queue, parts offered as forks, and one part that each
// participant leaves open for those that stand in while others are blocked.

namespace filch {
inline namespace v0 {
namespace detail {

/// Another thread's part in a loop.
class loop_core::ticket final : public job {
 public:
  ticket(loop_core& loop, ref<ref_counted> owner) : loop_(loop), owner_(std::move(owner)) {
    place(*loop.ctx_->pool, loop.options_.lane, loop.ctx_->name, *loop.ctx_->stop);
    where().parent = loop.structured_ ? loop.ctx_ : nullptr;
    where().what = loop.ctx_->what;
  }
  void run() noexcept override {
    const auto keep = owner_;
    loop_.participate(false);
    stop().end();
    end();
  }
  void end() noexcept {
    const auto keep = std::move(owner_);
    loop_.ticket_ended();
  }

 private:
  loop_core& loop_;
  ref<ref_counted> owner_;
};

/// For a scope: whether the thread has come by a part that was left open.
class joins_by {
 public:
  joins_by(slot& me, bool open_part) noexcept
      : me_(me), before_(std::exchange(me.came_by_open_part, open_part)) {}
  joins_by(const joins_by&) = delete;
  joins_by& operator=(const joins_by&) = delete;
  ~joins_by() { me_.came_by_open_part = before_; }

 private:
  slot& me_;
  const bool before_;
};

/// What others may take of a loop that nobody has launched: it costs nothing until somebody does.
struct alignas(64) loop_core::part final : fork_job {
  part(loop_core& all, std::size_t others) noexcept
      : fork_job(&join, current.ctx), loop(all), more(others) {}
  static void join(fork_job& half) noexcept {
    auto& self = static_cast<part&>(half);
    const joins_by how(*current.home, false);
    self.loop.share_out(self.more, true);
  }
  loop_core& loop;
  const std::size_t more;
};

/// What one more thread may take where others are blocked; and what the offering thread waits for
/// if one has come.
struct loop_core::extra_part final : open_part, awaited {
  extra_part(loop_core& all, slot& at) noexcept
      : open_part(current.ctx, at.open.mine(), &wanted, &take_part),
        loop(all),
        place(at),
        before(std::exchange(at.own_part, this)) {
    open();
  }
  void open() noexcept {
    place.open.put(this);
    place.cpu->opened_part();
  }
  /// Between two items: if who came has left, another may come.
  void look_after() noexcept {
    if (!left.is_set()) return;
    joiner = nullptr;
    left.close_again();
    open();
  }
  /// Lets nobody in any more; true if nobody is in.
  bool shut() noexcept {
    place.open.replace(nullptr);
    return !joiner || left.is_set();
  }
  void close() {
    place.own_part = before;
    place.open.replace(outer);
    if (joiner) wait(*this);
  }

  static bool wanted(open_part& self) noexcept {
    return static_cast<extra_part&>(self).loop.has_room();
  }
  static void take_part(open_part& self) noexcept {
    const joins_by how(*current.home, true);
    static_cast<extra_part&>(self).loop.participate(true);
  }
  /// A stand-in that is not needed leaves, unless somebody is in its own open part: it would only
  /// wait for that one, as a thread of the budget that does nothing. Whoever left the part open
  /// that it came by opens it again; if it came by another way, anybody offers its place once more.
  static bool leaves(loop_core& whole) noexcept {
    const slot& me = *current.home;
    if (!scheduler::is_surplus(&me)) return false;
    auto* const own = mine(whole);
    if (own && !own->shut()) return false;
    if (!me.came_by_open_part) {
      // order: [relaxed: a count]
      whole.vacancies_.fetch_add(1, std::memory_order_relaxed);
    } else if (whole.options_.in_flight != 0) {
      // order: [relaxed: a count]
      whole.besides_.fetch_sub(1, std::memory_order_relaxed);
    }
    return true;
  }
  /// The calling thread's, if it has one for this loop.
  static extra_part* mine(const loop_core& of) noexcept {
    auto* const own = current.home ? static_cast<extra_part*>(current.home->own_part) : nullptr;
    return own && &own->loop == &of ? own : nullptr;
  }
  latch& done() noexcept override { return left; }
  ref<job> unclaimed() noexcept override { return {}; }
  slot* runner(std::size_t i) noexcept override { return i == 0 ? joiner : nullptr; }
  const void* what() const noexcept override { return static_cast<const open_part*>(this); }
  bool structured() const noexcept override { return true; }
  pool_core* pool() noexcept override { return place.core; }

  loop_core& loop;
  slot& place;
  open_part* const before;
};

std::size_t loop_core::crew() const noexcept {
  const bool io = options_.lane == lane::io;
  std::size_t most = io ? std::max(1U, io_ceiling(*ctx_->pool)) : std::max(1U, width(*ctx_->pool));
  return std::min(most, most_at_once());
}

std::size_t loop_core::most_at_once() const noexcept {
  const std::size_t chunks =
      options_.chunk == 0 ? n_ : n_ / options_.chunk + (n_ % options_.chunk != 0);
  return options_.in_flight == 0 ? chunks : std::min(chunks, options_.in_flight);
}

void loop_core::launch(std::size_t helpers, ref<ref_counted> owner, void (*last)(void*),
                       void* argument) {
  if (helpers == 0) return;
  last_ = last;
  last_argument_ = argument;
  structured_ = !owner;
  tickets_.reserve(helpers);
  std::vector<ref<job>> queued;
  queued.reserve(helpers);
  for (std::size_t i = 0; i < helpers; ++i) {
    tickets_.push_back(make_ref<ticket>(*this, owner));
    queued.push_back(tickets_.back());
  }
  outstanding_ = helpers;
  running_.expect(helpers);
  enqueue_n(*ctx_->pool, queued.data(), queued.size());
}

void loop_core::share_out(std::size_t more, bool may_leave) {
  fork_deque* const forks = current.forks;
  if (more == 0 || !forks || forks->full()) return participate(may_leave);
  // Who takes the offer may bring half of the others: a crowd assembles in logarithmic time.
  part offer(*this, (more - 1) / 2);
  forks->push(&offer);
  if (forks->asked()) answer_thieves();
  share_out(more - 1 - offer.more, false);  // whoever has taken the offer would be waited for
  // An offer that nobody took is worth nothing now: all items are taken.
  if (!forks->pop()) reclaim_or_wait(*forks, offer);
}

bool loop_core::has_room() noexcept {
  // order: [relaxed: a hint; who joins sees for itself]
  if (next_.load(std::memory_order_relaxed) >= n_ || ctx_->stop->stop_requested()) return false;
  if (options_.in_flight == 0) return true;
  // order: [relaxed: a count]
  if (besides_.fetch_add(1, std::memory_order_relaxed) + crew() < options_.in_flight) return true;
  // order: [relaxed: a count]
  besides_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void loop_core::take_items(bool may_leave) noexcept {
  share pace(crew());
  std::size_t lo = 0;
  std::size_t hi = 0;
  for (;;) {
    if (may_leave && extra_part::leaves(*this)) return;
    if (auto* const mine = extra_part::mine(*this)) mine->look_after();
    // order: [relaxed: a hint; the exchange decides]
    if (vacancies_.load(std::memory_order_relaxed) > 0 && current.forks && !current.forks->full() &&
        fills_vacancy()) {
      return share_out(1, may_leave);
    }
    if (!take(pace, lo, hi) || !run_chunk(lo, hi, pace)) return;
  }
}

// Who left took a place that another thread may want: it is offered once more.
bool loop_core::fills_vacancy() noexcept {
  // order: [relaxed: a count]
  if (vacancies_.fetch_sub(1, std::memory_order_relaxed) > 0) return true;
  // order: [relaxed: a count]
  vacancies_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void loop_core::participate(bool may_leave) noexcept {
  // Elements of a chunk run one after the other, so more threads than chunks find nothing.
  const bool more_may_come = current.forks && crew() < most_at_once();
  if (!more_may_come) return take_items(may_leave);
  extra_part offer(*this, *current.home);
  take_items(may_leave);
  offer.close();
}

void loop_core::ticket_ended() noexcept {
  auto* const last = last_;
  auto* const argument = last_argument_;
  // order: what the tickets did is visible to the last one, which hands it on [pair:TICKETS]
  const bool was_last = ended_tickets_.fetch_add(1, std::memory_order_acq_rel) + 1 == outstanding_;
  if (was_last && last) last(argument);
  running_.arrive();
}

ref<job> loop_core::unclaimed() noexcept {
  for (auto& t : tickets_) {
    if (!t->is_claimed()) return t;
  }
  return {};
}

slot* loop_core::runner(std::size_t i) noexcept {
  for (auto& t : tickets_) {
    slot* s = t->runner();
    if (s && i-- == 0) return s;
  }
  return nullptr;
}

bool loop_core::withdraw() noexcept {
  // Taking all items first keeps a ticket that starts meanwhile from running any.
  std::size_t none = 0;
  // order: [relaxed: only the position is decided]
  if (!next_.compare_exchange_strong(none, n_, std::memory_order_relaxed,
                                     std::memory_order_relaxed)) {
    return false;
  }
  leave_out();
  for (auto& t : tickets_) {
    if (t->claim()) static_cast<ticket&>(*t).end();
  }
  return true;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
