#include <filch/detail/stream_item.hpp>

#include <chrono>
#include <mutex>
#include <system_error>
#include <utility>

#include <filch/detail/stream_core.hpp>
#include <filch/detail/throwing.hpp>

#include "base/thrown.hpp"
#include "pool/pool_core.hpp"
#include "sched/slot.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
std::exception_ptr too_late() noexcept {
  return thrown([] { throw_timed_out("time limit of this element"); });
}
}  // namespace

/// Tells an item that the future it waits for has its result.
class stream_item::answer final : public callback {
 public:
  explicit answer(stream_item& item) : item_(ref<stream_item>::share(&item)) {}
  void call(future_base& result) noexcept override { item_->answered(result); }

 private:
  const ref<stream_item> item_;
};

/// A further attempt is a job of its own: a queue may still have the one that was run before.
class stream_item::another_try final : public job {
 public:
  explicit another_try(stream_item& item) : item_(ref<stream_item>::share(&item)) {
    const context& first = item.where();
    place(*first.pool, first.lane, first.name, item.stop().shared());
    where().parent = first.parent;
    where().what = first.what;
  }
  void run() noexcept override { item_->run(); }
  bool may_outlive_pool() const noexcept override { return item_->may_outlive_pool(); }

 private:
  const ref<stream_item> item_;
};

stream_item::stream_item(stream_core& stream, std::size_t index)
    : stream_(ref<stream_core>::share(&stream)), index_(index) {
  place(*stream.core_, stream.plan_.lane, stream.plan_.name, stream.stop_of_item());
  where().parent = &stream.ctx_;
}

stream_item::~stream_item() = default;

// ---- going on ---------------------------------------------------------------------------------

void stream_item::run() noexcept {
  std::exception_ptr error;
  std::unique_ptr<answer> told;
  ref<future_base> result;
  note_thread();
  try {
    if (stop().stop_requested()) throw_cancelled();
    // Made before the call: afterwards nothing must fail, the call's work may use the input.
    if (stream_->plan_.asynchronous) told = std::make_unique<answer>(*this);
    limit_time();
    result = call();
  } catch (...) {
    error = std::current_exception();
  }
  if (result) return await(std::move(result), std::move(told));
  ended(std::move(error));
}

void stream_item::note_thread() noexcept {
  if (!stream_->plan_.leaves()) return;
  std::lock_guard lock(stream_->lock_);
  on_io_thread_ = current.home && current.home->role() == slot::kind::io;
}

void stream_item::limit_time() {
  timer_ = 0;
  const auto limit = stream_->plan_.timeout_each;
  if (limit.count() == 0) return;
  if (limit.count() < 0) throw_timed_out("time limit of this element");
  timer_ = call_at(*stream_->core_, deadline_after(limit),
                   [self = ref<stream_item>::share(this)] { self->time_is_up(); });
}

void stream_item::await(ref<future_base> result, std::unique_ptr<answer> told) noexcept {
  result->observe();
  bool overdue = false;
  {
    std::lock_guard lock(stream_->lock_);
    result_ = result;
    awaits_jobs_ = result->is_made_by_jobs();
    stream_->list(*this);
    overdue = overdue_;
  }
  // Either who asks it to stop finds the future, or this thread finds that it was asked.
  if (stop().stop_requested()) result->cancel();
  if (overdue) leave_behind();
  if (result->unclaimed()) stream_->call_consumer();
  result->add(told.release());
}

// On whatever thread has completed the future.
void stream_item::answered(future_base& result) noexcept {
  ref<future_base> mine;
  {
    std::lock_guard lock(stream_->lock_);
    mine = std::move(result_);
    stream_->unlist(*this);
  }
  auto error = result.error();
  if (!error && !is_left()) error = thrown([&] { take(result); });
  ended(std::move(error));
}

ref<future_base> stream_item::awaited_result() noexcept {
  std::lock_guard lock(stream_->lock_);
  return result_;
}

// The result is not copied: whoever asks may hold locks, and must not be the last to have it.
slot* stream_item::worked_on_by(std::size_t i) noexcept {
  std::lock_guard lock(stream_->lock_);
  if (result_) return result_->runner(i);
  return i == 0 ? attempt().runner() : nullptr;
}

// Under the stream's lock.
job& stream_item::attempt() noexcept { return again_ ? *again_ : *this; }

ref<job> stream_item::present_attempt() noexcept {
  std::lock_guard lock(stream_->lock_);
  return ref<job>::share(&attempt());
}

// Under the stream's lock. Throws: `bad_alloc`.
void stream_item::try_again() {
  again_ = make_ref<another_try>(*this);
  phase_.run_again();
}

// ---- ending -----------------------------------------------------------------------------------

void stream_item::ended(std::exception_ptr error) noexcept {
  stream_core& stream = *stream_;
  // Nobody else ends an item whose time is not limited.
  auto was = stream.plan_.timeout_each.count() == 0 ? phase::running : phase_.end();
  if (was == phase::left) {
    if (timer_ != 0) cancel_timer(*stream.core_, timer_);
    drop_value();
    drop_input();
    std::lock_guard lock(stream.lock_);
    --stream.strays_;
    return;
  }
  if (timer_ != 0 && !cancel_timer(*stream.core_, timer_)) was = phase::late;
  if (was == phase::late) {
    drop_value();
    if (error && !is_stop(error)) count_suppressed(*stream.core_);
    error = too_late();
  } else if (error && stream.puts_back(*this, error)) {
    return;
  }
  drop_input();
  if (error && stream.stop_requested()) {
    if (!is_stop(error)) count_suppressed(*stream.core_);
    error = nullptr;
    stopped_ = true;
  }
  error_ = std::move(error);
  finish(!error_);
}

void stream_item::finish(bool well) noexcept {
  stream_->item_ended(*this, well);
  done_.set();
  leave(*stream_->core_);
}

void stream_item::fail_unstarted(std::exception_ptr error) noexcept {
  drop_input();
  error_ = std::move(error);
  {
    std::lock_guard lock(stream_->lock_);
    stream_->completed(*this);
  }
  done_.set();
  leave(*stream_->core_);
}

void stream_item::drop_unstarted() noexcept {
  drop_input();
  {
    std::lock_guard lock(stream_->lock_);
    again_ = {};
  }
  done_.set();
  leave(*stream_->core_);
}

// ---- when its time is up ----------------------------------------------------------------------

void stream_item::time_is_up() noexcept {
  if (!phase_.make_late()) return;
  ask_to_stop();
  if (!stream_->plan_.leaves()) return;
  try {
    call_at(*stream_->core_, deadline_after(stream_->plan_.grace()),
            [self = ref<stream_item>::share(this)] { self->leave_behind(); });
  } catch (...) {
    leave_behind();  // too early is better than never
  }
}

void stream_item::ask_to_stop() noexcept {
  stop().request_stop();
  if (const auto result = awaited_result()) result->cancel();
}

/// The consumer gets a `timed_out`, and whoever works on the item keeps it.
void stream_item::leave_behind() noexcept {
  ref<job> work;
  bool in_call = false;
  {
    std::lock_guard lock(stream_->lock_);
    in_call = !result_;
    overdue_ = true;
    if (in_call && !on_io_thread_) return;  // that thread is needed; it looks again
    if (!phase_.leave()) return;
    ++stream_->strays_;
    work = ref<job>::share(&attempt());
  }
  error_ = too_late();
  if (in_call) stream_->core_->io().leave_to(*work);
  finish(false);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
