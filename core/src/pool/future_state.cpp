#include <filch/detail/future_state.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <thread>

#include <filch/detail/atomics.hpp>
#include <filch/detail/current.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/job_memory.hpp"
#include "base/made_once.hpp"
#include "base/thrown.hpp"
#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// Marks a list of callbacks that takes no more: an address, which nobody looks behind.
callback* sealed() noexcept {
  alignas(callback) static constinit std::byte mark{};
  return reinterpret_cast<callback*>(&mark);
}

/// What a cancelled result throws.
const std::exception_ptr& cancellation() {
  static constinit made_once<std::exception_ptr> shared;
  return shared.get(
      [] { return std::make_unique<std::exception_ptr>(std::make_exception_ptr(cancelled())); });
}

/// Takes a timer of a result back when the result is there.
class drop_timer final : public callback {
 public:
  explicit drop_timer(pool_ptr core) noexcept : core_(std::move(core)) {}
  void call(future_base&) noexcept override { cancel_timer(*core_, id); }
  std::uint64_t id = 0;

 private:
  pool_ptr core_;
};

/// Cancels a job whose time has not come when its pool is shut down.
class cancel_with_pool final : public callback {
 public:
  explicit cancel_with_pool(future_base& work)
      : on_stop_(work.core()->root_stop().token(), [&work] { work.cancel(); }) {}
  void call(future_base&) noexcept override {}

 private:
  std::stop_callback<std::function<void()>> on_stop_;
};

/// A job that will never run must not lie in a queue, with all it owns, until somebody comes by.
void leave_queue(job& work, pool_core& core) noexcept {
  if (work.where().lane == lane::io) {
    core.io().forget(work);
  } else {
    core.cpu().forget(work, current.home);
  }
}

}  // namespace

job::~job() = default;

void* job::operator new(std::size_t bytes) { return allocate_job(bytes); }
void job::operator delete(void* block, std::size_t bytes) noexcept { free_job(block, bytes); }

void job::wait_for_look() const noexcept {
  for (int i = 0;; ++i) {
    // order: [relaxed: claim() decides]
    if (state_.load(std::memory_order_relaxed) != claim_state::looked_at) return;
    if (i < 64) {
      spin_pause();
    } else {
      std::this_thread::yield();  // who looks was interrupted
    }
  }
}

callback::~callback() = default;

future_base::future_base(pool_core& core) : core_(core.share()) {
  cancellation();  // made while there is memory, so that cancel() never needs any
}

future_base::~future_base() {
  // order: [relaxed: the reference count orders every user of the result before this]
  const bool observed = observed_.load(std::memory_order_relaxed);
  if (fate_ == fate::error && !observed) core_->report(error_);
}

ref<job> future_base::unclaimed() noexcept {
  // A loop, as a chain of then() may be longer than a stack is deep.
  if (auto first = ahead()) {
    while (auto next = first->ahead()) first = std::move(next);
    return first->unclaimed();
  }
  if (is_claimed() || !startable()) return {};
  return ref<job>::share(static_cast<job*>(this));
}

slot* future_base::runner_within(std::size_t i, unsigned) noexcept {
  return i == 0 ? job::runner() : nullptr;
}

void future_base::finish(std::exception_ptr error) noexcept {
  // order: the timer's decision is visible [pair:EXPIRED]
  if (expired_.load(std::memory_order_acquire)) {
    if (error && !is_stop(error)) count_suppressed(*core_);
    error = thrown([] { throw_timed_out("time limit of the job"); });
  }
  error_ = std::move(error);
  fate_ = !error_ ? fate::value : is_stop(error_) ? fate::cancelled : fate::error;
  if (error_) {
    // What did not run, or was stopped before its first line. It is a part of the job: should it
    // own the last handle of the pool, that must know that its job is not over.
    std::optional<within> inside;
    if (accepted_) inside.emplace(where());
    drop_call();
  }
  if (where().stop) where().stop->end();
  // The last use of *this may be a callback's; an accepted result keeps its pool until it leaves.
  pool_core* const core = core_.get();
  const bool accepted = accepted_;
  // order: hands the list to this thread and closes it; late callbacks see the result
  // [pair:CALLBACKS]
  callback* list = callbacks_.exchange(sealed(), std::memory_order_acq_rel);
  // order: [relaxed: compared with the thread's own mark only]
  if (list) finisher_.store(&current, std::memory_order_relaxed);
  // From here on whoever waits may drop the last of it; so may a callback.
  const auto keep = list ? ref<future_base>::share(this) : ref<future_base>();
  done_.set();
  if (list) call_back(list);
  if (accepted) leave(*core);
}

void future_base::call_back(callback* list) noexcept {
  callback* in_order = nullptr;
  while (list) {
    callback* next = list->next;
    list->next = in_order;
    in_order = list;
    list = next;
  }
  // Callbacks are a part of the job, whoever has ended it (who cancels it, or its time limit): a
  // pool that they close or destroy must know that its job is not over.
  std::optional<within> inside;
  if (accepted_) inside.emplace(where());
  while (in_order) {
    std::unique_ptr<callback> now(in_order);
    in_order = now->next;
    now->call(*this);
  }
  called_back_.set();
}

void future_base::wait_for_readers() noexcept {
  // order: [relaxed: the owner's own, or handed over with the list of callbacks]
  if (!has_readers_.load(std::memory_order_relaxed)) return;
  // order: [relaxed: only this thread writes its own mark]
  if (finisher_.load(std::memory_order_relaxed) == &current) return;
  called_back_.wait();
}

bool future_base::add(callback* added) noexcept {
  // order: what finish stored is visible if it has sealed the list [pair:CALLBACKS]
  callback* first = callbacks_.load(std::memory_order_acquire);
  for (;;) {
    if (first == sealed()) {
      done_.wait();  // finish is between sealing and opening the latch
      std::unique_ptr<callback> now(added);
      now->call(*this);
      return false;
    }
    added->next = first;
    // order: hands the callback to finish; a failure sees what finish stored [pair:CALLBACKS]
    if (callbacks_.compare_exchange_weak(first, added, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
      return true;
    }
  }
}

bool future_base::cancel() noexcept {
  if (claim()) {
    const auto keep = ref<future_base>::share(this);  // the queue's may have been the last
    leave_queue(*this, *core_);
    finish(cancellation());
    return true;
  }
  if (!done_.is_set() && where().stop) where().stop->request_stop();
  return false;
}

void future_base::expire() noexcept {
  if (done_.is_set()) return;
  // order: whoever finishes after the stop sees why [pair:EXPIRED]
  expired_.store(true, std::memory_order_release);
  if (claim()) {
    const auto keep = ref<future_base>::share(this);
    leave_queue(*this, *core_);
    finish(nullptr);
  } else if (where().stop) {
    where().stop->request_stop();
  }
}

void enqueue_at(pool_core& core, ref<future_base> work,
                std::chrono::steady_clock::time_point when) {
  try {
    work->hold_back();
    work->add(new cancel_with_pool(*work));
    auto end = std::make_unique<drop_timer>(work->core());
    end->id = call_at(core, when, [&core, work] {
      work->release_hold();
      enqueue(core, ref<job>(work));
    });
    work->add(end.release());
  } catch (...) {
    work->cancel();
    throw;
  }
}

void limit_future(future_base& result, std::chrono::nanoseconds limit) {
  if (limit.count() == 0) return;
  if (limit.count() < 0) return result.expire();
  try {
    const auto core = result.core();
    const auto self = ref<future_base>::share(&result);
    auto end = std::make_unique<drop_timer>(core);
    end->id = call_at(*core, deadline_after(limit), [self] { self->expire(); });
    result.add(end.release());
  } catch (...) {
    result.cancel();
    throw;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
