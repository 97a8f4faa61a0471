#include <filch/detail/stream_core.hpp>

#include <algorithm>
#include <stdexcept>

#include <filch/detail/throwing.hpp>

#include "base/thrown.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

// ---- items ------------------------------------------------------------------------------------

stream_item::stream_item(stream_core& stream, std::size_t index)
    : stream_(ref<stream_core>::share(&stream)), index_(index) {
  place(*stream.core_, stream.options_.lane, stream.options_.name, stream.stop_of_item());
  where().parent = &stream.ctx_;
}

stream_item::~stream_item() = default;

ref<job> stream_item::unclaimed() noexcept {
  if (is_claimed()) return {};
  return ref<job>::share(static_cast<job*>(this));
}

void stream_item::run() noexcept {
  stream_core& stream = *stream_;
  try {
    if (stop().stop_requested()) {
      stopped_ = true;
    } else if (stream.options_.timeout_each.count() != 0) {
      call_timed();
    } else {
      call();
    }
  } catch (...) {
    error_ = std::current_exception();
  }
  drop_input();
  if (error_ && stream.stop_->stop_requested()) {
    if (!is_stop(error_)) count_suppressed(*stream.core_);
    error_ = nullptr;
    stopped_ = true;
  }
  stream.item_ended(*this);
  done_.set();
  leave(*stream.core_);
}

void stream_item::call_timed() {
  const auto too_late = [] { throw_timed_out("time limit of this element"); };
  if (stream_->options_.timeout_each.count() < 0) too_late();
  pool_core& core = *stream_->core_;
  const auto self = ref<stream_item>::share(this);
  const auto timer = call_at(core, deadline_after(stream_->options_.timeout_each),
                             [self] { self->stop().request_stop(); });
  const auto error = thrown([this] { call(); });
  if (cancel_timer(core, timer)) {
    if (error) std::rethrow_exception(error);
    return;
  }
  drop_value();
  if (error && !is_stop(error)) count_suppressed(core);
  too_late();
}

void stream_item::drop_unstarted() noexcept {
  drop_input();
  done_.set();
  leave(*stream_->core_);
}

// ---- what the consumer waits for --------------------------------------------------------------

/// The next completion of an unordered stream.
class stream_core::any_completed final : public awaited {
 public:
  explicit any_completed(stream_core& stream) noexcept : stream_(stream) {
    std::lock_guard lock(stream_.lock_);
    if (stream_.completed_.first) {
      done_.set();
    } else {
      stream_.consumer_ = &done_;
    }
  }
  ~any_completed() {
    std::lock_guard lock(stream_.lock_);
    stream_.consumer_ = nullptr;
  }

  latch& done() noexcept override { return done_; }
  // While an item runs the consumer leaves the others alone: it wants the first result, not a
  // share of the work.
  ref<job> unclaimed() noexcept override {
    stream_item* first = nullptr;
    for (stream_item* item = stream_.first_; item; item = item->after_) {
      if (item->is_claimed()) {
        if (!item->done_.is_set()) return {};
      } else if (!first) {
        first = item;
      }
    }
    return ref<job>::share(first);
  }
  // Of several that run none is known to be the one that ends the wait.
  slot* runner(std::size_t i) noexcept override {
    return i == 0 && stream_.first_ && stream_.first_ == stream_.last_ ? stream_.first_->runner(0)
                                                                       : nullptr;
  }
  const void* what() const noexcept override { return stream_.ctx_.what; }
  pool_core* pool() noexcept override { return stream_.core_.get(); }

 private:
  stream_core& stream_;
  latch done_;
};

/// The end of an item of a stream that is destroyed: it may use what is destroyed next, so this
/// wait cannot be given up.
class stream_core::last_of final : public awaited {
 public:
  explicit last_of(stream_item& item) noexcept : item_(item) {}
  latch& done() noexcept override { return item_.done(); }
  ref<job> unclaimed() noexcept override { return {}; }
  slot* runner(std::size_t i) noexcept override { return item_.runner(i); }
  const void* what() const noexcept override { return item_.what(); }
  pool_core* pool() noexcept override { return item_.pool(); }
  bool structured() const noexcept override { return true; }

 private:
  stream_item& item_;
};

// ---- the stream -------------------------------------------------------------------------------

namespace {

const job_options& checked(const job_options& options) {
  if (options.errors == errors::serial) return options;
  throw std::invalid_argument(
      "filch: a stream raises each error at its element and takes no other errors policy; leave "
      ".errors at its default, or use map");
}

std::size_t window_size(const pool_core& core, const job_options& options) {
  if (options.buffer != 0) return options.buffer;
  std::size_t at_once = options.lane == lane::io ? io_ceiling(core) : width(core);
  if (options.in_flight != 0) at_once = std::min(at_once, options.in_flight);
  return 2 * std::max<std::size_t>(at_once, 1);
}

}  // namespace

stream_core::stream_core(pool_core& core, const job_options& options, order by, std::size_t total)
    : core_(share(core)),
      options_(checked(options)),
      order_(by),
      buffer_(window_size(core, options)),
      stop_(make_stop(core, options.stop)),
      ctx_{&core, nullptr, this, &own_stop_, options_.name, options_.lane} {
  own_stop_.stand_for(stop_);
  progress_.total = total;
}

stream_core::~stream_core() = default;

void stream_core::start() {
  enter(*core_);
  holds_call_ = true;
  try {
    on_ending_.emplace(ending(*core_), give_up{this});
    if (options_.timeout.count() != 0) limit_time(options_.timeout);
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

stream_item& stream_core::await_first() {
  wait(*first_);
  return *first_;
}

stream_item& stream_core::await_completed() {
  for (;;) {
    {
      std::lock_guard lock(lock_);
      if (auto* item = completed_.pop()) return *item;
    }
    any_completed any(*this);
    wait(any);
  }
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
  launch(*item);
}

void stream_core::launch(stream_item& item) noexcept {
  if (options_.in_flight != 0) {
    std::lock_guard lock(lock_);
    if (in_flight_ == options_.in_flight) return held_back_.push(&item);
    ++in_flight_;
  }
  enqueue(*core_, ref<job>::share(&item));
}

void stream_core::item_ended(stream_item& item) noexcept {
  if (order_ == order::input && options_.in_flight == 0) return;
  ref<job> next;
  {
    std::lock_guard lock(lock_);
    if (options_.in_flight != 0) {
      next = ref<job>::share(held_back_.pop());
      if (!next) --in_flight_;
    }
    if (collects_) {
      completed_.push(&item);
      if (consumer_) std::exchange(consumer_, nullptr)->set();
    }
  }
  if (next) enqueue(*core_, std::move(next));
}

void stream_core::end() noexcept {
  if (std::exchange(ended_, true)) return;
  if (size_ != 0) stop_->request_stop();
  {
    std::lock_guard lock(lock_);
    held_back_ = {};
    completed_ = {};
    collects_ = false;  // what ends from now on is found in the window, and freed from there
  }
  for (stream_item* item = first_; item; item = item->after_) {
    if (item->claim()) item->drop_unstarted();
  }
  bool quiet = true;
  while (first_) {
    const auto item = remove(*first_);
    try {
      last_of running(*item);
      wait(running);
    } catch (...) {  // in a forked child nobody is there to finish it
      quiet = false;
      continue;
    }
    if (item->error_) count_suppressed(*core_);
    item->error_ = nullptr;
    item->drop_value();
  }
  on_ending_.reset();
  give_up_call();
  stop_->end();
  if (timer_ != 0) cancel_timer(*core_, timer_);
  if (quiet) drop();
}

std::exception_ptr stream_core::stop_error() const noexcept {
  return thrown([this] {
    // order: set before the stop that led here [pair:STREAM-EXPIRED]
    if (expired_.load(std::memory_order_acquire)) throw_timed_out("time limit of the stream");
    throw_cancelled();
  });
}

ref<stop_state> stream_core::stop_of_item() const {
  if (options_.timeout_each.count() == 0) return stop_;
  return make_ref<stop_state>(stop_);
}

void stream_core::count(const stream_item& item) noexcept {
  if (!options_.on_progress) return;
  ++progress_.done;
  if (item.error_) ++progress_.failed;
  try {
    options_.on_progress(progress_);
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

void stream_core::chain::push(stream_item* item) noexcept {
  item->next_ = nullptr;
  (last ? last->next_ : first) = item;
  last = item;
}

stream_item* stream_core::chain::pop() noexcept {
  stream_item* item = first;
  if (!item) return nullptr;
  first = item->next_;
  if (!first) last = nullptr;
  return item;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
