#include <filch/detail/loop.hpp>

#include <algorithm>
#include <utility>

#include <filch/detail/current.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/thrown.hpp"
#include "pool/loop_share.hpp"
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
/// Items that were cheap so far may be followed by dear ones: a block grows in steps, the first of
/// which is the largest. Measured choice: 1000 increments took 532 ns with 8 always, 403 with 32
/// always; but then a stop is answered after 32 times as many dear ones as cheap ones went before.
constexpr double first_growth = 32, most_growth = 8;
/// An automatic chunk is at most this part of a participant's fair share of what is left.
constexpr std::size_t share_divisor = 4;

/// Whether the item that this thread runs has been counted as failed: one that throws when its
/// time was up fails once.
constinit thread_local bool item_failed = false;

}  // namespace

/// The time limit of a call, shared with its timer.
struct loop_core::expiry {
  std::atomic<bool> over{false};
  std::uint64_t timer = 0;
};

loop_core::loop_core(context& ctx, std::size_t n, const job_options& options, loop_body body)
    : ctx_(&ctx), n_(n), options_(options), body_(body), bound_(n) {}

loop_core::~loop_core() {
  if (expiry_) cancel_timer(*ctx_->pool, expiry_->timer);
}

void loop_core::limit_time(std::chrono::nanoseconds limit) {
  if (limit.count() == 0) return;
  expiry_ = std::make_shared<expiry>();
  if (limit.count() < 0) {
    // order: [relaxed: nobody else has it yet]
    expiry_->over.store(true, std::memory_order_relaxed);
    ctx_->stop->request_stop();
    return;
  }
  expiry_->timer =
      call_at(*ctx_->pool, deadline_after(limit), [e = expiry_, stop = ctx_->stop->shared()] {
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
  const double growth = items == 1 ? first_growth : most_growth;
  const double next = std::clamp(block_time / each, 1.0, ran * growth);
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
    const std::size_t fair = (n_ - seen) / (share_divisor * pace.crew);
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

bool loop_core::run_chunk(std::size_t lo, std::size_t hi, share& pace) noexcept {
  // Where one item is left for each of the others there is nothing to learn for, and of a loop that
  // short the clock would be a good part.
  const bool learns = hi - lo > pace.block || n_ - hi > pace.crew;
  if (learns && pace.since == clock::time_point()) pace.since = clock::now();
  while (lo < hi) {
    // order: a cut made because of an item is seen before higher items run [pair:CUT]
    const auto bound = std::min(hi, bound_.load(std::memory_order_acquire));
    if (lo >= bound) return true;  // before the stop, which keeps nothing from running here
    if (ctx_->stop->stop_requested()) {
      leave_out();
      return false;
    }
    const auto from = lo;
    if (options_.timeout_each.count() != 0) {
      lo = run_limited_item(lo);
    } else {
      lo = body_.run(body_.self, lo, std::min(bound, lo + pace.block), *this);
    }
    scheduler::ends_job(current.home, ctx_->name);
    advance(lo - from);
    // order: [relaxed: a hint: where nothing is left there is nothing to learn for]
    if (lo >= hi && next_.load(std::memory_order_relaxed) >= n_) return false;
    if (!learns) continue;
    const auto now = clock::now();
    pace.learn(lo - from, now - std::exchange(pace.since, now));
  }
  return true;
}

std::size_t loop_core::run_limited_item(std::size_t i) noexcept {
  const auto too_late = [] { throw_timed_out("time limit of an item"); };
  try {
    if (options_.timeout_each.count() < 0) too_late();
    auto limit = std::make_shared<expiry>();
    auto own = make_ref<stop_state>(ctx_->stop->shared());
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
        ctx_->stop->request_stop();
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
  alignas(64) loop_core loop(call.ctx(), n, options, body);
  loop.limit_time(options.timeout);
  if (n != 0) {
    const auto crew = loop.crew();
    if (options.lane == lane::io) {
      loop.launch(crew, {});
      wait(loop);
    } else {
      visit here(call.core(), false);
      within inside(call.ctx());
      loop.share_out(crew - 1);
    }
  }
  if (auto error = loop.verdict()) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
