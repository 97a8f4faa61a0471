#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <filch/detail/awaited.hpp>
#include <filch/detail/queue_core.hpp>
#include <filch/detail/ref.hpp>

// When nobody can go on. The argument: README.md here, "A pool that stands still".

namespace filch {
inline namespace v0 {
namespace detail {

struct slot;

/// A thread that is none of a pool's counted ones, as queues know it: what it sleeps for.
struct outsider {
  std::mutex lock;                       // guards all below
  const pool_core* waits_for = nullptr;  // asleep for something of this pool
  ref<queue_core> waits_in{};            // asleep in this queue
  bool ended = false;

  /// The calling thread's, made when first wanted; null when the thread is ending already.
  /// Throws: `bad_alloc`.
  static std::shared_ptr<outsider> of_this_thread();
  /// The calling thread's if it has one.
  static outsider* known() noexcept;
};

/// Says for a scope what the calling thread sleeps for, if it is an outsider that queues know.
class outsider_asleep {
 public:
  explicit outsider_asleep(const pool_core* of) noexcept;
  explicit outsider_asleep(queue_core& in) noexcept;
  outsider_asleep(const outsider_asleep&) = delete;
  outsider_asleep& operator=(const outsider_asleep&) = delete;
  ~outsider_asleep();

 private:
  outsider* me_;
};

/// The pool whose limit of threads counts the calling thread, or null.
pool_core* counted_in() noexcept;

/// A sleep of one of the pool's counted threads that only somebody else's action can end.
class endless_sleep {
 public:
  endless_sleep(pool_core& pool, queue_core* in, latch& word) noexcept;
  endless_sleep(const endless_sleep&) = delete;
  endless_sleep& operator=(const endless_sleep&) = delete;
  ~endless_sleep();

 private:
  friend class stall_watch;
  pool_core& pool_;
  queue_core* in_;  // null: asleep for a job
  latch& word_;
  bool doomed_ = false;
  endless_sleep* next_ = nullptr;
  endless_sleep* previous_ = nullptr;
};

/// The endless sleeps of one pool. Once there are as many as the pool may have threads, those
/// asleep in queues look from time to time whether that is the end of it.
/// Threads: any.
class stall_watch {
 public:
  enum class verdict : std::uint8_t { fine, suspect, doomed };

  void enter(endless_sleep& s) noexcept;
  void leave(endless_sleep& s) noexcept;
  /// Whether all threads sleep; `moves` counts the sleeps that have ended so far.
  verdict look(const endless_sleep& s, std::uint64_t& moves) noexcept;
  /// Dooms all sleeps in queues if still nobody has moved and none of the known outsiders can.
  /// Throws: `bad_alloc`; then nothing has changed.
  void condemn(std::uint64_t moves);

 private:
  bool all_asleep(const pool_core& pool) const noexcept;

  std::mutex lock_;
  endless_sleep* first_ = nullptr;
  unsigned asleep_ = 0;
  std::uint64_t moves_ = 0;
};

/// Whether an endless wait for `a` ends by the doing of counted threads of `pool` alone: every
/// part of it that has not ended is run by one of them.
bool depends_on(awaited& a, const pool_core& pool) noexcept;

/// Sleeps in `q` until `called` is set or `until`, as a blocked worker if the thread is one.
/// Throws: `would_deadlock`.
void sleep_in_queue(queue_core& q, latch& called, queue_patience::time_point until);

}  // namespace detail
}  // namespace v0
}  // namespace filch
