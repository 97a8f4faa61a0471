#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include <filch/detail/export.hpp>
#include <filch/detail/latch.hpp>
#include <filch/detail/ref.hpp>

/// \file
/// A queue without its elements' type: who may go in, who may take, who sleeps. `filch/queue.hpp`
/// puts the elements into the nodes.

namespace filch {
inline namespace v0 {
namespace detail {

class pool_core;
struct outsider;

/// The head of an element's room; the template puts the element behind it.
struct queue_node {
  queue_node* next = nullptr;
};

/// How long a caller is ready to wait, and what ends its wait besides its job's stop.
struct queue_patience {
  using time_point = std::chrono::steady_clock::time_point;
  time_point until = time_point::max();
  const std::stop_token* stop = nullptr;
  bool waits() const noexcept { return until != time_point::min(); }
  static queue_patience none() noexcept { return {time_point::min(), nullptr}; }
};

/// A thread asleep in a queue, on its frame.
struct queue_sleeper {
  latch called;
  queue_sleeper* next = nullptr;
  queue_sleeper* previous = nullptr;
  bool listed = false;
};

/// Sleepers in the order in which they came.
class queue_line {
 public:
  void add(queue_sleeper& s) noexcept;
  void remove(queue_sleeper& s) noexcept;
  /// Calls the one that waits longest, if there is one.
  void call_one() noexcept;
  void call_all() noexcept;

 private:
  queue_sleeper* first_ = nullptr;
  queue_sleeper* last_ = nullptr;
};

/// Rules: an element goes in by `reserve`, then `commit` or `give_back`; it comes out by `take`,
/// then `took` or `put_back`. What lies in between, elements' moves, happens without the lock.
/// Threads: any. Whoever sleeps here is called under the lock and takes the lock before it leaves.
class FILCH_API queue_core final : public ref_counted {
 public:
  static constexpr std::size_t unbounded = static_cast<std::size_t>(-1);
  enum class turn : std::uint8_t { granted, not_yet, closed };

  /// Throws: `std::invalid_argument` for a capacity of 0.
  explicit queue_core(std::size_t capacity);
  ~queue_core() override;

  /// Room for one element. Throws: `cancelled`, `would_deadlock`, `forked_pool`, `bad_alloc`; then
  /// nothing has changed.
  turn reserve(const queue_patience& patience);
  void commit(queue_node& node) noexcept;
  void give_back() noexcept;

  /// The oldest element, or null: none came in time, or closed and empty. `keeps_room`: its room
  /// stays taken until `took` or `put_back`. Throws: as `reserve`.
  queue_node* take(const queue_patience& patience, bool keeps_room);
  void took() noexcept;
  void put_back(queue_node& node) noexcept;

  void close() noexcept;
  /// Closes, waits until those that sleep here have left, and hands out what is left.
  queue_node* end() noexcept;
  bool is_closed() const noexcept;
  std::size_t size() const noexcept;
  std::size_t capacity() const noexcept { return capacity_; }

  /// True if every thread outside of `pool` that has used the queue, as far as that is known, can
  /// do nothing before `pool` does. `seen`: queues that are being looked at.
  bool only_for(const pool_core& pool, std::vector<const queue_core*>& seen) const;

 private:
  class stay;
  template <class Look>
  turn wait(std::unique_lock<std::mutex>& lock, queue_line& line, const queue_patience& patience,
            Look look);
  void sleep(queue_sleeper& me, const queue_patience& patience);
  void note_user();
  void closed_and_empty() noexcept;

  const std::size_t capacity_;
  mutable std::mutex lock_;  // guards all below
  queue_node* first_ = nullptr;
  queue_node* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t reserved_ = 0;  // rooms promised to elements that are not in yet
  std::size_t leaving_ = 0;   // rooms of elements that are being moved out
  bool closed_ = false;
  queue_line producers_, consumers_;
  std::size_t asleep_ = 0;
  latch* last_left_ = nullptr;

  // Who uses the queue: threads of one pool, and threads of none.
  const pool_core* pool_ = nullptr;
  bool unknown_users_ = false;  // of other pools, or of threads that are ending
  const outsider* last_outsider_ = nullptr;
  std::vector<std::shared_ptr<outsider>> outsiders_;
};

[[noreturn]] FILCH_API FILCH_COLD void throw_queue_closed();

}  // namespace detail
}  // namespace v0
}  // namespace filch
