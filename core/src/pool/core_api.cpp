#include <filch/detail/bound.hpp>
#include <filch/detail/core.hpp>
#include <filch/detail/stack_guard.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include <cstddef>
#include <new>

#include "pool/pool_core.hpp"
#include "sched/blocked.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

constinit thread_local current_thread current;

pool_ptr share(pool_core& core) { return core.share(); }

void enter(pool_core& core, unsigned n) {
  core.require_same_process();
  if (!core.door().enter(false, n) && !(core.is_part_of() && core.door().enter(true, n))) {
    throw pool_closed(
        "filch: the pool is closed and takes no more calls from outside; make the call before "
        "close(), or on another pool");
  }
}

std::stop_token ending(pool_core& core) { return core.ending(); }

void leave(pool_core& core) noexcept { core.door().leave(); }

namespace {
/// What hangs below the running job or call and may outlive it, also where that is another pool's.
/// Jobs to and fro between two pools come by links that hear of both already.
ref<stop_state> lasting_link(pool_core& core, const context& ctx, bool loose) {
  auto above = ctx.stop->lasting();
  if (ctx.pool == &core) return above;
  const auto root = core.root_stop().shared();
  if (above->hears(*root)) return above;
  auto both = make_ref<stop_state>(std::move(above), root->token(), loose);
  both->end();  // nobody asks this one alone
  return both;
}

/// A blocking call's: the call ends before what it is made in.
void hang_call(pool_core& core, stop_link& link, std::stop_token user) {
  const context* ctx = current.ctx;
  if (!ctx) return link.hang_inside(core.root_stop(), std::move(user), false);
  if (ctx->pool == &core) return link.hang_inside(*ctx->stop, std::move(user), false);
  link.hang_below(lasting_link(core, *ctx, false), std::move(user), false);
}
}  // namespace

void hang_job(pool_core& core, stop_link& link, std::stop_token user) {
  const context* ctx = current.ctx;
  if (!ctx) return link.hang_inside(core.root_stop(), std::move(user), true);
  link.hang_below(lasting_link(core, *ctx, true), std::move(user), true);
}

ref<stop_state> make_stop(pool_core& core, std::stop_token user) {
  stop_link link;
  hang_job(core, link, std::move(user));
  return link.shared();
}

void job::place(pool_core& pool, filch::lane where, std::string_view name, std::stop_token user) {
  hang_job(pool, stop_, std::move(user));
  ::new (&where_) context{&pool, nullptr, this, &stop_, name, where};
}

void enqueue(pool_core& core, ref<job> work) noexcept {
  if (work->where().lane == lane::io) work = core.io().push(std::move(work));
  if (work) core.cpu().push(std::move(work));
}

void enqueue_n(pool_core& core, ref<job>* work, std::size_t n) noexcept {
  if (n == 0) return;
  if (work[0]->where().lane == lane::cpu) return core.cpu().push_n(work, n);
  for (std::size_t i = 0; i < n; ++i) enqueue(core, std::move(work[i]));
}

void start_uncounted(pool_core& core, ref<job> work) {
  if (core.io().start_uncounted(work)) return;
  throw no_thread(
      "filch: the system has no thread left to give; end some threads of this process or raise "
      "its limit (ulimit -u, pids.max)");
}

unsigned width(const pool_core& core) noexcept { return core.width(); }
unsigned io_ceiling(const pool_core& core) noexcept { return core.io_ceiling(); }

void count_suppressed(pool_core& core, std::size_t n) noexcept { core.count_suppressed(n); }
void unhandled(pool_core& core, std::exception_ptr error) noexcept {
  core.report(std::move(error));
}

std::uint64_t call_at(pool_core& core, std::chrono::steady_clock::time_point when,
                      std::function<void()> action) {
  return core.timers().add(when, std::move(action));
}
bool cancel_timer(pool_core& core, std::uint64_t id) noexcept { return core.timers().cancel(id); }

namespace {
/// Whether the calling thread counts among those at work in `core`, by a place further out.
bool is_at_work(const pool_core& core, const slot* home) noexcept {
  for (; home; home = home->outer) {
    if (home->core == &core && home->role() != slot::kind::io) return true;
  }
  return false;
}
}  // namespace

// A thread has one turn at a time and gives up that of another pool while it works in a pool that
// it calls: two threads that each had one and wanted the other's would wait for ever.
visit::visit(pool_core& core, bool counts) noexcept
    : core_(&core), outer_(current.home), paused_(current.turn) {
  if (outer_ && outer_->core == &core && outer_->role() != slot::kind::io) return;
  // The pool must not end while this thread is in it, whatever becomes of the job it runs.
  counted_ = counts && core.door().enter(true);
  if (core.cpu().workerless() && current.turn != &core.cpu()) {
    if (paused_) paused_->turn().unlock();
    core.cpu().turn().lock();
    current.turn = &core.cpu();
  }
  lent_ = core.cpu().lend_guest(!is_at_work(core, outer_));
  if (!lent_) return;
  lent_->outer = outer_;
  current.home = lent_;
}

visit::~visit() {
  if (outer_ && outer_->core == core_ && outer_->role() != slot::kind::io) return;
  if (lent_) {
    current.home = outer_;
    lent_->outer = nullptr;
    core_->cpu().return_guest(*lent_);
  }
  const bool took_turn = current.turn != paused_;
  if (took_turn) {
    current.turn = nullptr;
    core_->cpu().turn().unlock();
  }
  if (counted_) core_->door().leave();
  if (took_turn && paused_) {
    paused_->turn().lock();
    current.turn = paused_;
  }
}

call_scope::call_scope(pool_core& core, filch::lane lane, std::string_view name,
                       std::stop_token token)
    : ctx_{&core, current.ctx, this, &stop_, name, lane} {
  require_stack();
  enter(core);
  try {
    hang_call(core, stop_, std::move(token));
  } catch (...) {
    leave(core);
    throw;
  }
  if (core.cpu().workerless() && lane == filch::lane::cpu && !core.is_inside()) {
    visit here(core);
    while (auto work = core.cpu().next_in_order()) {
      if (work->claim()) scheduler::run_claimed(*work, current.home);
    }
  }
}

call_scope::~call_scope() {
  stop_.end();
  leave(*ctx_.pool);
}

within::within(context& ctx) noexcept
    : ctx_(current.ctx), forks_(current.forks), in_place_(current.forks_in_place) {
  slot* const home = current.home;
  const bool works_here = home && home->core == ctx.pool && home->forks;
  const bool alone = works_here && home->cpu->workerless();
  current.ctx = &ctx;
  current.forks = works_here && !alone ? home->forks.get() : nullptr;
  current.forks_in_place = alone;
}

void throw_cancelled() { throw cancelled(); }
void throw_timed_out(const char* which) {
  throw timed_out(std::string("filch: the ") + which +
                  " ran out; the job was asked to stop. Allow more time, or make the job look at "
                  "its stop token");
}
void throw_get_timed_out() {
  throw timed_out(
      "filch: the result was not there in time; the job goes on, ask the future again or cancel "
      "it");
}
void throw_no_result() {
  throw no_result(
      "filch: this future has no result behind it: it was default-constructed, moved from, or used "
      "up by then()");
}
void throw_result_moved() {
  throw result_moved(
      "filch: get() has handed out this value already; keep it after the first call");
}

// Never destroyed, and made without memory, since nobody expects that asking for defaults can fail.
const job_options& no_options() noexcept {
  alignas(job_options) static std::byte room[sizeof(job_options)];
  static const auto* options = ::new (static_cast<void*>(room)) job_options;
  return *options;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
