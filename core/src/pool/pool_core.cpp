#include "pool/pool_core.hpp"
#include "pool/waiting.hpp"

#include <algorithm>
#include <chrono>

#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/warn.hpp"
#include "sched/spares.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// How many threads may be busy besides the workers unless options say otherwise: enough for the
/// blocking calls of a busy program, few enough to start in some milliseconds.
constexpr unsigned default_extra = 256;

unsigned extra_threads(const pool_options& options, unsigned workers) {
  if (options.max_threads == 0) return default_extra;
  return options.max_threads > workers ? options.max_threads - workers : 0;
}

}  // namespace

pool_core::pool_core(std::unique_ptr<engine> source, pool_options options, std::string rule,
                     const machine& on)
    : options_(std::move(options)),
      engine_(std::move(source)),
      width_(engine_->width()),
      rule_(std::move(rule)),
      budget_(extra_threads(options_, width_)),
      threads_(thread_options{options_.stack_size, options_.name}),
      timers_(threads_, [this] { current.home = &timer_place_; }),
      cpu_(std::make_unique<scheduler>(
          *this, *engine_, options_.spin,
          scheduler::hooks{options_.on_start, options_.on_exit,
                           [this](std::exception_ptr e) { report(std::move(e)); },
                           [this] { io_.budget_freed(); }},
          scheduler::placement{on, options_.pin_workers},
          scheduler::attention{options_.notice_blocking, options_.warn_blocking, options_.name},
          budget_, threads_)),
      timer_place_(*this, *cpu_, 0, slot::kind::io),
      io_(*this, *cpu_, budget_, threads_, [this] { return share(); }) {
  if (auto path = trace_path(options_.trace); !path.empty()) {
    log_ = std::make_unique<trace_log>(std::move(path));
    cpu_->set_log(log_.get());
  }
}

pool_core::~pool_core() = default;

bool pool_core::is_inside() const noexcept {
  if (current.ctx && current.ctx->pool == this) return true;
  for (const slot* s = current.home; s; s = s->outer) {
    if (s->core == this) return true;
  }
  return false;
}

bool pool_core::is_part_of() const noexcept {
  if (is_inside()) return true;
  for (const context* ctx = current.ctx; ctx; ctx = ctx->parent) {
    if (ctx->pool == this) return true;
  }
  return false;
}

void pool_core::report(std::exception_ptr error) noexcept {
  // order: [relaxed: a statistic]
  unhandled_.fetch_add(1, std::memory_order_relaxed);
  try {
    if (options_.on_unhandled) {
      options_.on_unhandled(error);
    } else {
      warn("an error nobody waited for, in pool \"" + options_.name + "\": " +
           filch::describe(error) + "; read the job's future, or set pool_options::on_unhandled");
    }
  } catch (...) {
    warn("on_unhandled threw; the error it was given is lost");
  }
}

// ---- the end ----------------------------------------------------------------------------------

namespace {

/// The end of everything a pool accepted, as something to wait for.
class last_leaver final : public awaited {
 public:
  explicit last_leaver(pool_core& core) noexcept : core_(core) {}
  latch& done() noexcept override { return core_.door().drained(); }
  ref<job> unclaimed() noexcept override { return {}; }
  slot* runner(std::size_t) noexcept override { return nullptr; }
  const void* what() const noexcept override { return this; }
  pool_core* pool() noexcept override { return &core_; }

 private:
  pool_core& core_;
};

}  // namespace

void pool_core::join() noexcept {
  if (born_in_.stale()) {  // a forked child: there are no threads to wait for
    threads_.forget_all();
    return;
  }
  ending_.request_stop();
  last_leaver all(*this);
  wait_on_any_thread(all);
  std::lock_guard lock(join_lock_);
  if (joined_) return;
  joined_ = true;
  root_stop_.request_stop();
  timers_.stop();
  cpu_->stop();
  io_.stop();
  threads_.join_all();
  write_trace();
  cpu_->drop_leftovers();
}

void pool_core::end_queued() noexcept {
  visit here(*this);
  while (auto work = cpu_->next_in_order()) {
    if (work->claim()) scheduler::run_claimed(*work, current.home);
  }
}

void pool_core::write_trace() noexcept {
  if (log_) log_->write();
}

shutdown_report pool_core::shutdown_for(std::chrono::nanoseconds limit) {
  require_same_process();
  close();
  root_stop_.request_stop();
  ending_.request_stop();
  last_leaver all(*this);
  shutdown_report report;
  const auto deadline = deadline_after(limit);
  // Without workers this thread ends the queued jobs, which are cancelled and not run; threads of
  // lane::io may queue more meanwhile.
  const bool in_slices = cpu_->workerless() && !is_inside();
  constexpr auto slice = std::chrono::milliseconds(2);
  do {
    if (in_slices) end_queued();
    const auto now = std::chrono::steady_clock::now();
    report.finished = wait_until(all, in_slices ? std::min(deadline, now + slice) : deadline);
  } while (!report.finished && std::chrono::steady_clock::now() < deadline);
  report.still_running = report.finished ? 0 : door_.inside();
  return report;
}

// ---- what people ask --------------------------------------------------------------------------

pool_stats pool_core::stats() const {
  pool_stats out;
  out.workers = cpu_->started();
  out.io_threads = io_.threads();
  out.io_threads_started = io_.started();
  out.spares_started = cpu_->stand_ins().started();
  const auto noticed = cpu_->noticed();
  out.blocked_in_locks = noticed.in_locks;
  out.blocked_elsewhere = noticed.elsewhere;
  out.looks_for_blocked = noticed.looks;
  // order: [relaxed: statistics]
  out.suppressed = suppressed_.load(std::memory_order_relaxed);
  // order: [relaxed: statistics]
  out.unhandled = unhandled_.load(std::memory_order_relaxed);
  for (unsigned i = 0, n = cpu_->slots().size(); i < n; ++i) {
    const slot* s = cpu_->slots().at(i);
    if (!s) continue;
    out.per_worker.push_back(
        {s->run.value(), s->stolen.value(), s->forced.value(), s->parked.value()});
  }
  return out;
}

std::string pool_core::describe() const {
  std::string text = "pool \"" + options_.name + "\": engine " + std::string(engine_->name());
  text += ", " + std::to_string(width_) + (width_ == 1 ? " worker" : " workers");
  if (!rule_.empty()) text += " (" + rule_ + ")";
  if (cpu_->started() != width_) {
    text += ", of which " + std::to_string(cpu_->started()) + " could be started";
  }
  if (options_.pin_workers && width_ != 0) text += ", each bound to a CPU";
  if (width_ == 0) text += "; jobs run in order on the threads that wait for them";
  text += "; up to " + std::to_string(budget_.most()) + " more threads for lane::io and stand-ins";
  if (door_.is_closed()) text += "; closed, " + std::to_string(door_.inside()) + " calls inside";
  return text + ".";
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
