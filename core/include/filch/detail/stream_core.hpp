#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include <filch/detail/core.hpp>
#include <filch/options.hpp>

/// \file
/// The machinery of imap without types: a window of items between the input and the consumer.
///
/// Rules:
/// 1. Only the consumer reads the input, makes items, and takes them out of the window.
/// 2. An item is in the window from the moment its input was read until the consumer has it; the
///    window never holds more than `buffer` of them.
/// 3. Every item that may still run is an accepted call of its own. The stream is one, too, so that
///    it can go on after close(), but it gives that up as soon as somebody waits for the end of the
///    pool: a stream that nobody reads must not keep it from ending.
/// 4. Whoever claims an item runs it, or drops it because the stream has ended. When the latch of
///    an item is open, its job uses neither the callable nor the input any more.

namespace filch {
inline namespace v0 {
namespace detail {

class stream_core;

/// One element on its way: a job, and what the consumer waits for.
class FILCH_API stream_item : public job, public awaited {
 public:
  void run() noexcept final;

  latch& done() noexcept override { return done_; }
  ref<job> unclaimed() noexcept override;
  slot* runner(std::size_t i) noexcept override { return i == 0 ? job::runner() : nullptr; }
  const void* what() const noexcept override { return static_cast<const job*>(this); }
  pool_core* pool() noexcept override { return job::where().pool; }

  /// The exception of a failed item, or null. Requires: done.
  const std::exception_ptr& error() const noexcept { return error_; }
  /// Gives up what the consumer will not take.
  virtual void drop_value() noexcept = 0;

 protected:
  stream_item(stream_core& stream, std::size_t index);
  ~stream_item() override;
  std::size_t index() const noexcept { return index_; }
  /// Makes the value.
  virtual void call() = 0;
  virtual void drop_input() noexcept = 0;

 private:
  friend class stream_core;
  void call_timed();
  void drop_unstarted() noexcept;

  const ref<stream_core> stream_;
  const std::size_t index_;
  latch done_;
  std::exception_ptr error_;
  bool stopped_ = false;           // not run, or failed, because the stream was stopped
  stream_item* before_ = nullptr;  // in the window; the consumer's
  stream_item* after_ = nullptr;
  stream_item* next_ = nullptr;  // among the held back, then among the completed; under the lock
};

/// A stream without its types. One consumer at a time; items end on any thread.
class FILCH_API stream_core : public ref_counted {
 public:
  /// Fills the window for the first time.
  void start();
  /// Waits for the next element and takes it out of the window. Empty at the end, and where the
  /// stream itself failed: then `failure` is set and the stream has ended.
  /// Throws: `would_deadlock`, `nesting_limit`; the stream is as before then.
  ref<stream_item> next(std::exception_ptr& failure);
  /// Stops the stream and waits until no item runs. Idempotent.
  void end() noexcept;

 protected:
  enum class order : std::uint8_t { input, completion };

  /// `total`: how many elements there will be, 0 if unknown.
  /// Throws: `std::invalid_argument` for options that no stream keeps; as `enter`.
  stream_core(pool_core& core, const job_options& options, order by, std::size_t total);
  ~stream_core() override;

  /// Reads the input and makes an item of it, or returns empty at its end.
  virtual ref<stream_item> read(std::size_t index) = 0;
  /// Gives up the callable and the input. Called once, when no job uses them.
  virtual void drop() noexcept = 0;

 private:
  friend class stream_item;
  class any_completed;
  class last_of;
  struct give_up {
    stream_core* stream;
    void operator()() const noexcept { stream->give_up_call(); }
  };
  struct chain {  // first in, first out, through `next_`
    stream_item* first = nullptr;
    stream_item* last = nullptr;
    void push(stream_item* item) noexcept;
    stream_item* pop() noexcept;
  };

  void append(ref<stream_item> item) noexcept;
  ref<stream_item> remove(stream_item& item) noexcept;
  void refill() noexcept;
  void read_one();
  void accept_item();
  void give_up_call() noexcept;
  void limit_time(std::chrono::nanoseconds limit);
  void launch(stream_item& item) noexcept;
  void item_ended(stream_item& item) noexcept;
  stream_item& await_first();
  stream_item& await_completed();
  void count(const stream_item& item) noexcept;
  std::exception_ptr stop_error() const noexcept;
  ref<stop_state> stop_of_item() const;

  const pool_ptr core_;
  const job_options options_;
  const order order_;
  const std::size_t buffer_;
  const ref<stop_state> stop_;
  stop_link own_stop_;  // the same, for contexts
  context ctx_;
  std::uint64_t timer_ = 0;
  std::atomic<bool> expired_{false};

  // The consumer's.
  stream_item* first_ = nullptr;
  stream_item* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t read_ = 0;
  bool exhausted_ = false;
  bool ended_ = false;
  std::exception_ptr last_error_;
  progress progress_;

  // Shared with items that end, and with the end of the pool.
  std::mutex lock_;
  std::size_t in_flight_ = 0;
  chain held_back_;
  chain completed_;
  bool collects_ = order_ == order::completion;  // whether what has ended goes there
  latch* consumer_ = nullptr;
  bool holds_call_ = false;
  std::optional<std::stop_callback<give_up>> on_ending_;  // the consumer's
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
