#include <filch/detail/scope_core.hpp>

#include <filch/detail/throwing.hpp>

#include "base/thrown.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

// ---- jobs -------------------------------------------------------------------------------------

scope_job::scope_job(scope_core& scope) noexcept : scope_(scope) {
  const context& ctx = scope.call().ctx();
  place(scope.call().core(), ctx.lane, ctx.name, scope.call().stop());
  where().parent = &scope.call().ctx();
}

scope_job::~scope_job() = default;

void scope_job::run() noexcept {
  scope_.begins(*this);
  if (!scope_.leaves_out()) {
    if (auto error = thrown([this] { call(); })) scope_.failed(std::move(error));
  }
  drop();
  stop().end();
  scope_.ended(*this);
}

// ---- the scope --------------------------------------------------------------------------------

/// Outlives the scope, for a timer that goes off while the scope ends.
struct scope_core::expiry {
  ref<stop_state> stop;
  std::atomic<bool> expired{false};
};

scope_core::scope_core(call_scope& call, const job_options& options) : call_(call) {
  if (options.timeout.count() != 0) limit_time(options.timeout);
}

scope_core::~scope_core() {
  if (timer_ != 0) cancel_timer(call_.core(), timer_);
}

void scope_core::limit_time(std::chrono::nanoseconds limit) {
  expiry_ = std::make_shared<expiry>();
  expiry_->stop = call_.stop().shared();
  if (limit.count() < 0) {
    // order: [relaxed: nobody else has it yet]
    expiry_->expired.store(true, std::memory_order_relaxed);
    expiry_->stop->request_stop();
    return;
  }
  timer_ = call_at(call_.core(), deadline_after(limit), [expiry = expiry_] {
    // order: who sees the stop sees why [pair:SCOPE-EXPIRED]
    expiry->expired.store(true, std::memory_order_release);
    expiry->stop->request_stop();
  });
}

void scope_core::spawn(ref<scope_job> work) noexcept {
  running_.expect(1);
  {
    std::lock_guard lock(lock_);
    waiting_.append(*work);
  }
  enqueue(call_.core(), std::move(work));
}

bool scope_core::leaves_out() noexcept {
  if (!call_.stop().stop_requested()) return false;
  std::lock_guard lock(lock_);
  left_out_ = true;
  return true;
}

void scope_core::failed(std::exception_ptr error) noexcept {
  const bool obeys_stop = call_.stop().stop_requested() && is_stop(error);
  {
    std::lock_guard lock(lock_);
    if (obeys_stop) {
      left_out_ = true;
      return;
    }
    if (!error_) {
      error_ = std::move(error);
    } else {
      count_suppressed(call_.core());
    }
  }
  call_.stop().request_stop();
}

void scope_core::stop() noexcept {
  {
    std::lock_guard lock(lock_);
    own_stop_ = true;
  }
  call_.stop().request_stop();
}

void scope_core::finish() {
  running_.arrive();
  while (!done().is_set()) {
    // The jobs use this frame, so whatever keeps us from helping must wait until they have ended.
    if (auto error = thrown([this] { wait(*this); })) {
      failed(std::move(error));
      leave_out_unstarted();
      done().wait();
    }
  }
  if (error_) std::rethrow_exception(error_);
  // order: set before the stop [pair:SCOPE-EXPIRED]
  if (expiry_ && expiry_->expired.load(std::memory_order_acquire)) {
    throw_timed_out("time limit of the scope");
  }
  if (left_out_ && !own_stop_) throw_cancelled();
}

// Under the stop that `failed` has asked for, running a job only drops it.
void scope_core::leave_out_unstarted() noexcept {
  while (const auto work = unclaimed()) {
    if (work->claim()) work->run();
  }
}

ref<job> scope_core::unclaimed() noexcept {
  std::lock_guard lock(lock_);
  for (scope_job* work = waiting_.first; work; work = work->after_) {
    if (!work->is_claimed()) return ref<job>::share(work);
  }
  return {};
}

slot* scope_core::runner(std::size_t i) noexcept {
  std::lock_guard lock(lock_);
  for (scope_job* work = busy_.first; work; work = work->after_) {
    slot* at = work->runner();
    if (at && i-- == 0) return at;
  }
  return nullptr;
}

void scope_core::begins(scope_job& work) noexcept {
  std::lock_guard lock(lock_);
  waiting_.remove(work);
  busy_.append(work);
}

void scope_core::ended(scope_job& work) noexcept {
  {
    std::lock_guard lock(lock_);
    busy_.remove(work);
  }
  running_.arrive();
}

void scope_core::chain::append(scope_job& work) noexcept {
  work.before_ = last;
  work.after_ = nullptr;
  (last ? last->after_ : first) = &work;
  last = &work;
}

void scope_core::chain::remove(scope_job& work) noexcept {
  (work.before_ ? work.before_->after_ : first) = work.after_;
  (work.after_ ? work.after_->before_ : last) = work.before_;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
