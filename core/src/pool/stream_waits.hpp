#pragma once

#include <mutex>

#include <filch/detail/awaited.hpp>
#include <filch/detail/stream_core.hpp>

/// \file
/// What the consumer of a stream waits for.

namespace filch {
inline namespace v0 {
namespace detail {

/// What both kinds of next element have in common.
class stream_core::next_element : public awaited {
 public:
  const void* what() const noexcept override { return stream_.ctx_.what; }
  pool_core* pool() noexcept override { return stream_.core_.get(); }

 protected:
  explicit next_element(stream_core& stream) noexcept : stream_(stream) {}
  ~next_element() = default;

  /// How far an item has come, and what there is of it.
  enum class stage : std::uint8_t { waits, may_start, runs, awaits, done };
  struct sight {
    stage at = stage::done;
    ref<job> start{};
    ref<future_base> result{};
  };
  sight look_at(stream_item& item) const noexcept {
    if (!stream_.counts_) return ready_or_running(item);
    std::lock_guard lock(stream_.lock_);
    return look_at_counted(item);
  }
  // Under the lock.
  static sight look_at_counted(stream_item& item) noexcept {
    // Of what no job makes there is nothing to run.
    if (item.result_ && item.awaits_jobs_) return {stage::awaits, {}, item.result_};
    if (item.result_) return {stage::awaits};
    if (!item.launched) return {stage::waits};
    return ready_or_running(item.attempt());
  }
  static sight ready_or_running(job& attempt) noexcept {
    if (attempt.is_claimed()) return {stage::runs};
    return {stage::may_start, ref<job>::share(&attempt)};
  }
  /// What the consumer may run to get on: what of a future has not started, then the oldest item.
  /// While an item runs the consumer leaves the others alone: it wants the first result, not a
  /// share of the work.
  ref<job> any_unclaimed() noexcept {
    ref<job> oldest;
    std::unique_lock lock(stream_.lock_, std::defer_lock);
    if (stream_.counts_) lock.lock();
    for (stream_item* item = stream_.first_; item; item = item->after_) {
      if (item->done_.is_set()) continue;
      auto seen = stream_.counts_ ? look_at_counted(*item) : ready_or_running(*item);
      if (seen.at == stage::runs) return {};
      if (seen.result) {
        lock.unlock();
        if (auto work = seen.result->unclaimed()) return work;
        seen.result = {};
        lock.lock();
      } else if (seen.at == stage::may_start && !oldest) {
        oldest = std::move(seen.start);
      }
    }
    return oldest;
  }

  stream_core& stream_;
};

/// The first item of an ordered stream.
class stream_core::next_in_order final : public next_element {
 public:
  explicit next_in_order(stream_core& stream) noexcept
      : next_element(stream), item_(*stream.first_) {
    be_called_at(&item_.done_);
  }
  ~next_in_order() { be_called_at(nullptr); }

  latch& done() noexcept override { return item_.done_; }
  ref<job> unclaimed() noexcept override {
    if (item_.done_.is_set()) return {};
    auto seen = look_at(item_);
    if (seen.at == stage::waits) return any_unclaimed();  // for one of the others to end
    return seen.result ? seen.result->unclaimed() : std::move(seen.start);
  }
  slot* runner(std::size_t i) noexcept override { return item_.worked_on_by(i); }

 private:
  // Where nothing is counted nobody has to be called: items are queued once, and for good.
  void be_called_at(latch* door) noexcept {
    if (!stream_.counts_) return;
    std::lock_guard lock(stream_.lock_);
    stream_.consumer_ = door;
  }

  stream_item& item_;
};

/// The next completion of an unordered stream.
class stream_core::next_completed final : public next_element {
 public:
  explicit next_completed(stream_core& stream) noexcept : next_element(stream) {
    std::lock_guard lock(stream_.lock_);
    if (!stream_.completed_.empty()) {
      done_.set();
    } else {
      stream_.consumer_ = &done_;
    }
  }
  ~next_completed() {
    std::lock_guard lock(stream_.lock_);
    stream_.consumer_ = nullptr;
  }

  latch& done() noexcept override { return done_; }
  ref<job> unclaimed() noexcept override { return any_unclaimed(); }
  // Of several that run none is known to be the one that ends the wait.
  slot* runner(std::size_t i) noexcept override {
    const bool one = stream_.first_ && stream_.first_ == stream_.last_;
    return one ? stream_.first_->worked_on_by(i) : nullptr;
  }

 private:
  latch done_;
};

/// The end of an item of a stream that is destroyed: it may use what is destroyed next, so this
/// wait cannot be given up.
class stream_core::last_of final : public awaited {
 public:
  explicit last_of(stream_item& item) noexcept : item_(item) {}
  latch& done() noexcept override { return item_.done_; }
  ref<job> unclaimed() noexcept override {
    const auto result = item_.awaited_result();
    return result ? result->unclaimed() : ref<job>();
  }
  slot* runner(std::size_t i) noexcept override { return item_.worked_on_by(i); }
  const void* what() const noexcept override { return static_cast<const job*>(&item_); }
  pool_core* pool() noexcept override { return item_.where().pool; }
  bool structured() const noexcept override { return true; }

 private:
  stream_item& item_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
