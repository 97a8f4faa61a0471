#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <filch/detail/core.hpp>
#include <filch/detail/stream_flight.hpp>
#include <filch/detail/stream_item.hpp>
#include <filch/detail/stream_plan.hpp>

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
/// 4. Whoever claims an item runs it, or drops it because the stream has ended. Only items that the
///    flight has let go may be run.
/// 5. When the latch of an item is open, its job uses neither the callable nor the input any more;
///    unless it was left behind: then it is no accepted call any more, it holds the stream, and the
///    callable and the input live until the last of those has ended.
/// 6. Nothing of a user is called, and no future asked to stop, under the stream's lock.

namespace filch {
inline namespace v0 {
namespace detail {

/// A stream without its types. One consumer at a time; items end on any thread.
class FILCH_API stream_core : public ref_counted {
 public:
  /// Fills the window for the first time.
  void start();
  /// Waits for the next element and takes it out of the window. Empty at the end, and where the
  /// stream itself failed: then `failure` is set and the stream has ended.
  /// Throws: `would_deadlock`, `nesting_limit`; the stream is as before then.
  ref<stream_item> next(std::exception_ptr& failure);
  /// Stops the stream and waits until no item runs but those left behind. Idempotent.
  void end() noexcept;

 protected:
  enum class order : std::uint8_t { input, completion };

  /// `total`: how many elements there will be, 0 if unknown.
  /// Throws: `std::invalid_argument` for options that no stream keeps; as `enter`.
  stream_core(pool_core& core, stream_plan plan, order by, std::size_t total);
  ~stream_core() override;

  /// Reads the input and makes an item of it, or returns empty at its end.
  virtual ref<stream_item> read(std::size_t index) = 0;
  /// Gives up the callable and the input. Called once, when no job uses them.
  virtual void drop() noexcept = 0;
  /// The key of an item's element. Called where elements have one.
  virtual std::string key_of(stream_item& item) = 0;

 private:
  friend class stream_item;
  class next_element;
  class next_completed;
  class next_in_order;
  class last_of;
  struct give_up {
    stream_core* stream;
    void operator()() const noexcept { stream->give_up_call(); }
  };
  struct cancel_results {
    stream_core* stream;
    void operator()() const noexcept { stream->cancel_awaited(); }
  };

  // Reading.
  void append(ref<stream_item> item) noexcept;
  ref<stream_item> remove(stream_item& item) noexcept;
  void refill() noexcept;
  void read_one();
  void accept_item();
  void give_up_call() noexcept;
  void limit_time(std::chrono::nanoseconds limit);
  ref<stop_state> stop_of_item() const;

  // Running.
  void launch(stream_item& item);
  ref<job> next_to_start() noexcept;
  void start_next() noexcept;
  bool puts_back(stream_item& item, const std::exception_ptr& error) noexcept;
  void item_ended(stream_item& item, bool well) noexcept;
  void completed(stream_item& item) noexcept;
  bool stop_requested() const noexcept { return stop_->stop_requested(); }

  // What is awaited of futures.
  void list(stream_item& item) noexcept;
  void unlist(stream_item& item) noexcept;
  void cancel_awaited() noexcept;
  void call_consumer() noexcept;

  // Consuming.
  stream_item& await_first();
  stream_item& await_completed();
  bool await_end(stream_item& item, std::chrono::steady_clock::time_point patience) noexcept;
  void count(const stream_item& item) noexcept;
  std::exception_ptr stop_error() const noexcept;

  const pool_ptr core_;
  const stream_plan plan_;
  const order order_;
  const std::size_t buffer_;
  const bool counts_;  // what is in flight
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
  stream_flight flight_;
  stream_chain completed_;
  bool collects_ = order_ == order::completion;  // whether what has ended goes there
  latch* consumer_ = nullptr;
  bool holds_call_ = false;
  stream_item* awaiting_ = nullptr;  // the futures a stop must reach
  std::size_t strays_ = 0;           // left behind, and not ended yet

  std::optional<std::stop_callback<give_up>> on_ending_;       // the consumer's
  std::optional<std::stop_callback<cancel_results>> on_stop_;  // the consumer's
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
