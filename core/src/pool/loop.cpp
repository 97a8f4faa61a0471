#include <filch/detail/loop.hpp>

#include <algorithm>
#include <utility>

#include <filch/detail/current.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/thrown.hpp"
#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

using clock = std::chrono::steady_clock;

/// A block between two looks at the stop state should take about this long, in nanoseconds;
/// measured choice: the look and the clock cost some 60 ns, which is below 1 % of it.
constexpr double block_time = 20'000;
/// What is left is not divided into chunks of less: handing one over costs some 200 ns.
constexpr double least_time = 2'000;
/// Items that were cheap so far may be followed by dear ones: a block grows in steps.
constexpr double most_growth = 8;
/// An automatic chunk is at most this part of a participant's fair share of what is left.
constexpr std::size_t share_divisor = 4;

/// Whether the item that this thread runs has been counted as failed: one that throws when its
/// time was up fails once.
constinit thread_local bool item_failed = false;

}  // namespace

/// Another thread's part in a loop.
class loop_core::ticket final : public job {
 public:
  ticket(loop_core& loop, ref<ref_counted> owner) : loop_(loop), owner_(std::move(owner)) {
    place(*loop.ctx_->pool, loop.options_.lane, loop.ctx_->name, loop.stop_);
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

/// What others may take of a loop that nobody has launched: it costs nothing until somebody does.
struct loop_core::part final : fork_job {
  part(loop_core& all, std::size_t others) noexcept
      : fork_job(&join, current.ctx), loop(all), more(others) {}
  static void join(fork_job& half) noexcept {
    auto& self = static_cast<part&>(half);
    self.loop.share_out(self.more, true);
  }
  loop_core& loop;
  const std::size_t more;
};

/// What one more thread may take where others are blocked; and what the offering thread waits for
/// if one has come.
struct loop_core::extra_part final : open_part, awaited {
  extra_part(loop_core& all, slot& at) noexcept
      : open_part(current.ctx, at.open.mine(), &wanted, &take_part), loop(all), place(at) {
    place.open.put(this);
    place.cpu->opened_part();
  }
  void close() {
    place.open.replace(outer);
    if (joiner) wait(*this);
  }

  static bool wanted(open_part& self) noexcept {
    return static_cast<extra_part&>(self).loop.has_room();
  }
  static void take_part(open_part& self) noexcept {
    static_cast<extra_part&>(self).loop.participate(true);
  }
  latch& done() noexcept override { return left; }
  ref<job> unclaimed() noexcept override { return {}; }
  slot* runner(std::size_t i) noexcept override { return i == 0 ? joiner : nullptr; }
  const void* what() const noexcept override { return static_cast<const open_part*>(this); }
  bool structured() const noexcept override { return true; }
  pool_core* pool() noexcept override { return place.core; }

  loop_core& loop;
  slot& place;
};

/// One participant's pace, by what its last items cost.
struct loop_core::share {
  /// Between two looks at the stop state it runs so many items.
  std::size_t block = 1;
  /// Fewer are not worth sharing.
  std::size_t least = 1;
  void learn(std::size_t items, std::chrono::nanoseconds took) noexcept;
};

/// The time limit of a call, shared with its timer.
struct loop_core::expiry {
  std::atomic<bool> over{false};
  std::uint64_t timer = 0;
};

loop_core::loop_core(context& ctx, std::size_t n, const job_options& options, loop_body body)
    : ctx_(&ctx), stop_(*ctx.stop), n_(n), options_(options), body_(body), bound_(n) {}

loop_core::~loop_core() {
  if (expiry_) cancel_timer(*ctx_->pool, expiry_->timer);
}

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

void loop_core::share_out(std::size_t more) { share_out(more, false); }

void loop_core::share_out(std::size_t more, bool may_leave) {
  fork_deque* const forks = current.forks;
  if (more == 0 || !forks || forks->full()) return participate(may_leave);
  // Who takes the offer may bring half of the others: a crowd assembles in logarithmic time.
  part offer(*this, (more - 1) / 2);
  forks->push(&offer);
  if (forks->asked()) answer_thieves();
  share_out(more - 1 - offer.more, may_leave);
  // An offer that nobody took is worth nothing now: all items are taken.
  if (!forks->pop()) reclaim_or_wait(*forks, offer);
}

bool loop_core::has_room() noexcept {
  // order: [relaxed: a hint; who joins sees for itself]
  if (next_.load(std::memory_order_relaxed) >= n_ || stop_.stop_requested()) return false;
  if (options_.in_flight == 0) return true;
  // order: [relaxed: a count]
  return besides_.fetch_add(1, std::memory_order_relaxed) + crew() < options_.in_flight;
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

void loop_core::limit_time(std::chrono::nanoseconds limit) {
  if (limit.count() == 0) return;
  expiry_ = std::make_shared<expiry>();
  if (limit.count() < 0) {
    // order: [relaxed: nobody else has it yet]
    expiry_->over.store(true, std::memory_order_relaxed);
    stop_.request_stop();
    return;
  }
  expiry_->timer =
      call_at(*ctx_->pool, deadline_after(limit), [e = expiry_, stop = stop_.shared()] {
        // order: the verdict sees why the call was stopped [pair:LOOP-TIME]
        e->over.store(true, std::memory_order_release);
        stop->request_stop();
      });
}

// ---- taking items -----------------------------------------------------------------------------

void loop_core::share::learn(std::size_t items, std::chrono::nanoseconds took) noexcept {
  if (items == 0) return;
  const auto ran = static_cast<double>(items);
  const double each = std::max(1.0, static_cast<double>(took.count())) / ran;
  const double next = std::clamp(block_time / each, 1.0, ran * most_growth);
  // A block cut short by the end of its chunk says what items cost, not how many there may be.
  if (items >= block || next < static_cast<double>(block)) block = static_cast<std::size_t>(next);
  least = std::clamp<std::size_t>(static_cast<std::size_t>(least_time / each), 1, block);
}

bool loop_core::take(share& pace, std::size_t& lo, std::size_t& hi) noexcept {
  // order: [relaxed: a snapshot; the increment below decides]
  const auto seen = next_.load(std::memory_order_relaxed);
  if (seen >= n_) return false;
  std::size_t want = options_.chunk;
  if (want == 0 && options_.lane == lane::io) {
    want = 1;  // an item may block: none may have to wait behind it
  } else if (want == 0) {
    const std::size_t fair = (n_ - seen) / (share_divisor * crew());
    want = std::max(pace.least, std::min(pace.block, fair));
  }
  // order: [relaxed: the items themselves were made visible by the tickets' queue]
  lo = next_.fetch_add(want, std::memory_order_relaxed);
  if (lo >= n_) {
    // order: [relaxed: keeps the counter from running over]
    next_.store(n_, std::memory_order_relaxed);
    return false;
  }
  hi = std::min(n_, lo + want);
  return true;
}

void loop_core::take_items(bool may_leave) noexcept {
  share pace;
  std::size_t lo = 0;
  std::size_t hi = 0;
  for (;;) {
    if (may_leave && scheduler::is_surplus(current.home)) {
      // order: [relaxed: a count]
      vacancies_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    // order: [relaxed: a hint; the exchange decides]
    if (vacancies_.load(std::memory_order_relaxed) > 0 && current.forks && fills_vacancy()) {
      return share_out(1, may_leave);
    }
    if (stop_.stop_requested()) {
      // order: [relaxed: a position; that items were left out is handed on by the tickets' end]
      if (next_.load(std::memory_order_relaxed) < n_) leave_out();
      return;
    }
    if (!take(pace, lo, hi)) return;
    run_chunk(lo, hi, pace);
  }
}

void loop_core::run_chunk(std::size_t lo, std::size_t hi, share& pace) noexcept {
  auto before = clock::now();
  while (lo < hi) {
    // order: a cut made because of an item is seen before higher items run [pair:CUT]
    const auto bound = std::min(hi, bound_.load(std::memory_order_acquire));
    if (lo >= bound) return;
    if (stop_.stop_requested()) return leave_out();
    const auto from = lo;
    if (options_.timeout_each.count() != 0) {
      lo = run_limited_item(lo);
    } else {
      lo = body_.run(body_.self, lo, std::min(bound, lo + pace.block), *this);
    }
    scheduler::ends_job(current.home, ctx_->name);
    advance(lo - from);
    const auto now = clock::now();
    pace.learn(lo - from, now - before);
    before = now;
  }
}

std::size_t loop_core::run_limited_item(std::size_t i) noexcept {
  const auto too_late = [] { throw_timed_out("time limit of an item"); };
  try {
    if (options_.timeout_each.count() < 0) too_late();
    auto limit = std::make_shared<expiry>();
    auto own = make_ref<stop_state>(stop_.shared());
    stop_link link;
    link.stand_for(own);
    limit->timer = call_at(*ctx_->pool, deadline_after(options_.timeout_each), [limit, own] {
      // order: the item's thread sees why it was stopped [pair:ITEM-TIME]
      limit->over.store(true, std::memory_order_release);
      own->request_stop();
    });
    context here = *current.ctx;
    here.parent = current.ctx;
    here.what = &here;
    here.stop = &link;
    item_failed = false;
    {
      within inside(here);
      body_.run(body_.self, i, i + 1, *this);
    }
    cancel_timer(*ctx_->pool, limit->timer);
    // order: as above [pair:ITEM-TIME]
    if (limit->over.load(std::memory_order_acquire)) {
      failed(i, thrown(too_late));
    }
  } catch (...) {
    failed(i, std::current_exception());
  }
  return i + 1;
}

void loop_core::advance(std::size_t items) noexcept {
  if (!options_.on_progress || items == 0) return;
  std::lock_guard lock(progress_lock_);
  shown_.done += items;
  // order: [relaxed: a count for people]
  shown_.failed = failures_.load(std::memory_order_relaxed);
  shown_.total = n_;
  try {
    options_.on_progress(shown_);
  } catch (...) {
    ctx_->pool->report(std::current_exception());
  }
}

// ---- failures ---------------------------------------------------------------------------------

void loop_core::cut(std::size_t i) noexcept {
  // order: [relaxed: the exchange below publishes]
  auto bound = bound_.load(std::memory_order_relaxed);
  while (i + 1 < bound) {
    // order: what made the item cut is visible to who obeys [pair:CUT]
    if (bound_.compare_exchange_weak(bound, i + 1, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
      return;
    }
  }
}

void loop_core::keep(std::size_t i, std::exception_ptr error) noexcept {
  for (auto& e : errors_) {
    if (e.index == i) {  // an item that failed when its time was up: the time says more
      e.error = std::move(error);
      return;
    }
  }
  try {
    errors_.push_back({i, std::move(error)});
  } catch (...) {
    no_room_ = std::current_exception();
  }
}

void loop_core::failed(std::size_t i, std::exception_ptr error) noexcept {
  // A cancellation that follows from our own stop is not the item's error.
  if (is_stop(error) && current.ctx->stop->stop_requested()) return leave_out();
  if (options_.timeout_each.count() == 0 || !std::exchange(item_failed, true)) {
    // order: [relaxed: a count]
    failures_.fetch_add(1, std::memory_order_relaxed);
  }
  if (options_.errors == errors::collect && body_.sink) {
    body_.sink(body_.self, i, std::move(error));
    return;
  }
  std::unique_lock lock(errors_lock_);
  switch (options_.errors) {
    case errors::collect:
      keep(i, std::move(error));
      return;
    case errors::first:
      if (errors_.empty()) {
        keep(i, std::move(error));
        lock.unlock();  // users' stop callbacks run in there
        stop_.request_stop();
      } else {
        count_suppressed(*ctx_->pool);
      }
      return;
    case errors::serial:
      cut(i);
      if (errors_.empty()) {
        keep(i, std::move(error));
        return;
      }
      if (i < errors_.front().index) errors_.front() = {i, std::move(error)};
      count_suppressed(*ctx_->pool);
      return;
  }
}

std::exception_ptr loop_core::verdict() {
  // order: as the timer left it [pair:LOOP-TIME]
  const bool late = expiry_ && expiry_->over.load(std::memory_order_acquire);
  if (late) {
    count_suppressed(*ctx_->pool, errors_.size());
    return thrown([] { throw_timed_out("time limit of the call"); });
  }
  if (no_room_) return no_room_;
  if (!errors_.empty()) {
    if (options_.errors != errors::collect) return errors_.front().error;
    std::sort(errors_.begin(), errors_.end(),
              [](const failed_item& a, const failed_item& b) { return a.index < b.index; });
    std::vector<item_error> all;
    for (auto& e : errors_) all.push_back({e.index, e.error});
    return std::make_exception_ptr(errors_list(std::move(all)));
  }
  // A stop that came when every item had run takes nothing away.
  // order: [relaxed: ordered by the end of the tickets]
  if (left_out_.load(std::memory_order_relaxed)) return thrown(throw_cancelled);
  return {};
}

void run_loop(call_scope& call, std::size_t n, const job_options& options, loop_body body) {
  loop_core loop(call.ctx(), n, options, body);
  loop.limit_time(options.timeout);
  if (n != 0) {
    const auto crew = loop.crew();
    if (options.lane == lane::io) {
      loop.launch(crew, {});
      wait(loop);
    } else {
      visit here(call.core());
      within inside(call.ctx());
      loop.share_out(crew - 1);
    }
  }
  if (auto error = loop.verdict()) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
