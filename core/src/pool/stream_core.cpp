#include <filch/detail/stream_core.hpp>

#include <system_error>

#include <filch/detail/throwing.hpp>
#include <filch/io.hpp>

#include "base/thrown.hpp"
#include "pool/stream_waits.hpp"
#include "sched/waits.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// Whether the process, or the system, can open no more files and sockets: the error itself says
/// so, or that which it was thrown for.
bool lacks_descriptors(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    return e.code() == std::errc::too_many_files_open ||
           e.code() == std::errc::too_many_files_open_in_system;
  } catch (const io::too_many_files&) {
    return true;
  } catch (const std::nested_exception& e) {
    return e.nested_ptr() && lacks_descriptors(e.nested_ptr());
  } catch (...) {
    return false;
  }
}

}  // namespace

stream_core::stream_core(pool_core& core, stream_plan plan, order by, std::size_t total)
    : core_(share(core)),
      plan_(std::move(plan)),
      order_(by),
      buffer_(plan_.window(io_ceiling(core), width(core))),
      counts_(plan_.counts()),
      stop_(make_stop(core, plan_.stop)),
      ctx_{&core, nullptr, this, &own_stop_, plan_.name, plan_.lane},
      flight_(plan_.most_in_flight(buffer_), plan_.per_key) {
  plan_.check_keys();
  own_stop_.stand_for(stop_);
  progress_.total = total;
}

stream_core::~stream_core() = default;

void stream_core::start() {
  must_not_wait_here();
  enter(*core_);
  holds_call_ = true;
  try {
    on_ending_.emplace(ending(*core_), give_up{this});
    if (plan_.asynchronous) on_stop_.emplace(stop_->token(), cancel_results{this});
    if (plan_.timeout.count() != 0) limit_time(plan_.timeout);
  } catch (...) {
    end();
    throw;
  }
  refill();
}

void stream_core::limit_time(std::chrono::nanoseconds limit) {
  if (limit.count() < 0) {
    // order: who sees the stop sees why [pair:STREAM-EXPIRED]
    expired_.store(true, std::memory_order_release);
    stop_->request_stop();
    return;
  }
  timer_ = call_at(*core_, deadline_after(limit), [stream = ref<stream_core>::share(this)] {
    // order: who sees the stop sees why [pair:STREAM-EXPIRED]
    stream->expired_.store(true, std::memory_order_release);
    stream->stop_->request_stop();
  });
}

// Under the stream's own call a closed pool takes its items; the lock keeps that call from being
// given up in between.
void stream_core::accept_item() {
  std::lock_guard lock(lock_);
  if (!holds_call_) return enter(*core_);
  within own_call(ctx_);
  enter(*core_);
}

void stream_core::give_up_call() noexcept {
  {
    std::lock_guard lock(lock_);
    if (!std::exchange(holds_call_, false)) return;
  }
  leave(*core_);
}

ref<stream_item> stream_core::next(std::exception_ptr& failure) {
  if (ended_) return {};
  if (size_ == 0) {
    failure = last_error_;
    end();
    return {};
  }
  stream_item& item = order_ == order::input ? await_first() : await_completed();
  auto taken = remove(item);
  if (item.stopped_) {
    failure = stop_error();
    end();
    return {};
  }
  refill();
  count(item);
  return taken;
}

void stream_core::refill() noexcept {
  if (exhausted_) return;
  try {
    while (!exhausted_ && size_ < buffer_) read_one();
  } catch (...) {
    last_error_ = std::current_exception();
    exhausted_ = true;
  }
  if (exhausted_) give_up_call();
}

void stream_core::read_one() {
  accept_item();
  ref<stream_item> item;
  try {
    if (stop_->stop_requested()) std::rethrow_exception(stop_error());
    item = read(read_);
  } catch (...) {
    leave(*core_);
    throw;
  }
  if (!item) {
    exhausted_ = true;
    leave(*core_);
    return;
  }
  ++read_;
  append(item);
  if (const auto error = thrown([&] { launch(*item); })) {
    item->claim();
    item->fail_unstarted(error);
  }
}

// ---- running ----------------------------------------------------------------------------------

/// Throws: what the key of the item's element throws.
void stream_core::launch(stream_item& item) {
  auto key = plan_.keyed ? key_of(item) : std::string();
  if (counts_) {
    // In one go: the line of a key ends with the last that stands in it.
    std::lock_guard lock(lock_);
    plan_.keyed ? flight_.line_up(item, std::move(key)) : flight_.line_up(item);
    if (!flight_.admit(item)) return;
  }
  enqueue(*core_, ref<job>::share(&item));
}

// Under the lock.
ref<job> stream_core::next_to_start() noexcept {
  stream_place* const next = flight_.next();
  return next ? ref<job>::share(&static_cast<stream_item*>(next)->attempt()) : ref<job>();
}

void stream_core::start_next() noexcept {
  for (bool more = true; more;) {
    ref<job> next;
    {
      std::lock_guard lock(lock_);
      next = next_to_start();
      more = flight_.has_next();
    }
    if (next) enqueue(*core_, std::move(next));
  }
}

void stream_core::item_ended(stream_item& item, bool well) noexcept {
  ref<job> next;
  ref<job> last_attempt;  // item and attempt hold each other until here
  bool more = false;
  if (counts_ || order_ == order::completion) {
    std::lock_guard lock(lock_);
    if (counts_) {
      flight_.ended(item, well);
      next = next_to_start();
      more = flight_.has_next();
      last_attempt = std::move(item.again_);
    }
    completed(item);
  }
  if (next) enqueue(*core_, std::move(next));
  if (more) start_next();
}

// Under the lock.
void stream_core::completed(stream_item& item) noexcept {
  if (!collects_) return;
  completed_.push(item);
  if (consumer_) std::exchange(consumer_, nullptr)->set();
}

/// Lets an item that found no descriptor wait until others have given theirs back. Whoever worked
/// on it must not touch it any more then.
bool stream_core::puts_back(stream_item& item, const std::exception_ptr& error) noexcept {
  if (!counts_ || !plan_.repeatable || !lacks_descriptors(error)) return false;
  try {
    std::lock_guard lock(lock_);
    if (stop_requested() || flight_.is_alone(item)) return false;
    item.try_again();
    flight_.put_back(item);
  } catch (const std::bad_alloc&) {
    return false;
  }
  start_next();
  call_consumer();  // it may be the only one who can run the others
  return true;
}

// ---- what is awaited of futures ---------------------------------------------------------------

void stream_core::list(stream_item& item) noexcept {
  item.listed_ = true;
  item.await_before_ = nullptr;
  item.await_next_ = awaiting_;
  if (awaiting_) awaiting_->await_before_ = &item;
  awaiting_ = &item;
}

void stream_core::unlist(stream_item& item) noexcept {
  if (!std::exchange(item.listed_, false)) return;
  (item.await_before_ ? item.await_before_->await_next_ : awaiting_) = item.await_next_;
  if (item.await_next_) item.await_next_->await_before_ = item.await_before_;
}

void stream_core::cancel_awaited() noexcept {
  const auto keep = ref<stream_core>::share(this);
  for (;;) {
    ref<future_base> result;
    {
      std::lock_guard lock(lock_);
      if (!awaiting_) return;
      result = awaiting_->result_;
      unlist(*awaiting_);
    }
    result->cancel();
  }
}

/// There is something new that a sleeping consumer might have to run itself.
void stream_core::call_consumer() noexcept {
  std::lock_guard lock(lock_);
  if (consumer_) consumer_->nudge();
}

// ---- consuming --------------------------------------------------------------------------------

stream_item& stream_core::await_first() {
  next_in_order first(*this);
  wait(first);
  return *first_;
}

stream_item& stream_core::await_completed() {
  for (;;) {
    {
      std::lock_guard lock(lock_);
      if (auto* place = completed_.pop()) return static_cast<stream_item&>(*place);
    }
    next_completed any(*this);
    wait(any);
  }
}

void stream_core::end() noexcept {
  if (std::exchange(ended_, true)) return;
  if (size_ != 0) stop_->request_stop();
  {
    std::lock_guard lock(lock_);
    flight_.forget_waiting();
    completed_ = {};
    collects_ = false;  // what ends from now on is found in the window, and freed from there
  }
  for (stream_item* item = first_; item; item = item->after_) {
    if (item->present_attempt()->claim()) item->drop_unstarted();
  }
  bool quiet = true;
  const auto patience = deadline_after(plan_.grace());
  while (first_) {
    const auto item = remove(*first_);
    if (!await_end(*item, patience)) {  // in a forked child nobody is there to finish it
      quiet = false;
      continue;
    }
    if (item->error_ && !item->is_left()) count_suppressed(*core_);
    item->error_ = nullptr;
    item->give_up_value();
  }
  on_stop_.reset();
  on_ending_.reset();
  give_up_call();
  stop_->end();
  if (timer_ != 0) cancel_timer(*core_, timer_);
  {
    std::lock_guard lock(lock_);
    quiet = quiet && strays_ == 0;
  }
  if (quiet) drop();
}

bool stream_core::await_end(stream_item& item,
                            std::chrono::steady_clock::time_point patience) noexcept {
  try {
    last_of running(item);
    if (plan_.leaves() && !wait_until(running, patience)) {
      item.phase_.make_late();
      item.leave_behind();
    }
    wait(running);
    return true;
  } catch (...) {
    return false;
  }
}

std::exception_ptr stream_core::stop_error() const noexcept {
  return thrown([this] {
    // order: set before the stop that led here [pair:STREAM-EXPIRED]
    if (expired_.load(std::memory_order_acquire)) throw_timed_out("time limit of the stream");
    throw_cancelled();
  });
}

ref<stop_state> stream_core::stop_of_item() const {
  if (plan_.timeout_each.count() == 0) return stop_;
  return make_ref<stop_state>(stop_);
}

void stream_core::count(const stream_item& item) noexcept {
  if (!plan_.on_progress) return;
  ++progress_.done;
  if (item.error_) ++progress_.failed;
  try {
    plan_.on_progress(progress_);
  } catch (...) {
    unhandled(*core_, std::current_exception());
  }
}

// ---- lists ------------------------------------------------------------------------------------

void stream_core::append(ref<stream_item> item) noexcept {
  stream_item* added = item.detach();
  added->before_ = last_;
  (last_ ? last_->after_ : first_) = added;
  last_ = added;
  ++size_;
}

ref<stream_item> stream_core::remove(stream_item& item) noexcept {
  (item.before_ ? item.before_->after_ : first_) = item.after_;
  (item.after_ ? item.after_->before_ : last_) = item.before_;
  item.before_ = item.after_ = nullptr;
  --size_;
  return ref<stream_item>::adopt(&item);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
