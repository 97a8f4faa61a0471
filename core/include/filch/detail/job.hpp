#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <stop_token>
#include <string_view>
#include <utility>

#include <filch/detail/export.hpp>
#include <filch/detail/ref.hpp>
#include <filch/detail/stop_link.hpp>

namespace filch {
inline namespace v0 {

/// Where a job runs: on the pool's workers, one per core (`cpu`), or on elastic threads that
/// may block (`io`).
enum class lane : std::uint8_t { cpu, io };

namespace detail {

class pool_core;
struct slot;

/// What the code running on a thread belongs to: its pool, its stop state, its name, and the
/// chain of calls it is nested in. Lives in a job or in the frame of a blocking call.
struct context {
  pool_core* pool = nullptr;
  /// The context this one must finish before: the call it is a part of. Null where nobody waits
  /// for it by construction (a submitted job), so a chain never holds a context that has ended.
  context* parent = nullptr;
  /// What a waiter may wait for; compared by address only.
  const void* what = nullptr;
  stop_link* stop = nullptr;
  std::string_view name{};
  filch::lane lane = filch::lane::cpu;
};

class job;

/// A job's place in a queue, touched under that queue's lock only; but other queues may ask at any
/// time whether the job is theirs.
struct queue_links {
  job* next = nullptr;
  job* previous = nullptr;
  /// The queue it is in; null in none.
  std::atomic<const void*> queue{nullptr};
};

/// A queued unit of work on the heap. Whoever claims it runs it, once: a worker that took it off
/// a queue, or a waiter that needs it. The loser drops its reference.
class FILCH_API job : public ref_counted {
 public:
  /// Does the work and tells who waits. Called once, by the claimer, with `where()` current.
  virtual void run() noexcept = 0;

  /// True for the one caller that may run (or cancel) the job.
  bool claim() noexcept {
    claim_state seen = claim_state::open;
    // order: who looked at the job has done so before it runs [pair:LOOK]
    while (!state_.compare_exchange_weak(seen, claim_state::claimed, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
      if (seen == claim_state::claimed) return false;
      if (seen == claim_state::looked_at) wait_for_look();
      seen = claim_state::open;
    }
    return true;
  }
  /// True for a job that may still run when its pool has ended; it must then touch nothing of it.
  virtual bool may_outlive_pool() const noexcept { return false; }

  /// Keeps an unclaimed job from being claimed for the few instructions that it takes to see what
  /// it belongs to; whoever wants it meanwhile spins. False if it is claimed.
  bool begin_look() noexcept {
    claim_state open = claim_state::open;
    // order: as in claim() [pair:LOOK]
    return state_.compare_exchange_strong(open, claim_state::looked_at, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  /// Ends the look: the caller has claimed the job if it says so, else it is as before.
  void end_look(bool claims) noexcept {
    // order: the look happens before the job runs and ends [pair:LOOK]
    state_.store(claims ? claim_state::claimed : claim_state::open, std::memory_order_release);
  }
  /// True once somebody claimed it.
  bool is_claimed() const noexcept {
    // order: [relaxed: a hint; claim() decides]
    return state_.load(std::memory_order_relaxed) == claim_state::claimed;
  }

  // Jobs are made by one thread and end on another: their memory comes from lists of free blocks.
  static void* operator new(std::size_t bytes);
  static void operator delete(void* block, std::size_t bytes) noexcept;
  static void* operator new(std::size_t bytes, std::align_val_t align) {
    return ::operator new(bytes, align);
  }
  static void operator delete(void* block, std::size_t bytes, std::align_val_t align) noexcept {
    ::operator delete(block, bytes, align);
  }

  context& where() noexcept { return where_; }
  queue_links& links() noexcept { return links_; }

  /// The slot of the thread that runs the job, or null: a hint for waiters that want to help.
  slot* runner() const noexcept {
    // order: the slot's fields are visible to who finds it here [pair:RUNNER]
    return runner_.load(std::memory_order_acquire);
  }
  void set_runner(slot* s) noexcept {
    // order: hands the slot to waiters [pair:RUNNER]
    runner_.store(s, std::memory_order_release);
  }

 protected:
  job() noexcept = default;
  ~job() override;

  /// Places the job in a pool: the context it will run in, and what it listens to: the user's
  /// token and what asks the job or call that makes it to stop. Throws: `bad_alloc`.
  void place(pool_core& pool, filch::lane where, std::string_view name, std::stop_token user = {});
  /// As above; the job is a part of a call, or of a job, that ends after it.
  void place(pool_core& pool, filch::lane where, std::string_view name, stop_link& whole) noexcept {
    stop_.hang_inside(whole, {}, true);
    ::new (&where_) context{&pool, nullptr, this, &stop_, name, where};
  }
  /// As above; whoever stops `stop` stops the job.
  void place(pool_core& pool, filch::lane where, std::string_view name, ref<stop_state> stop) {
    stop_.stand_for(std::move(stop));
    ::new (&where_) context{&pool, nullptr, this, &stop_, name, where};
  }
  stop_link& stop() noexcept { return stop_; }
  /// Makes a job that has run ready to be claimed once more. Requires: nobody else has it.
  // order: [relaxed: the queue hands it over]
  void reopen() noexcept { state_.store(claim_state::open, std::memory_order_relaxed); }

 private:
  enum class claim_state : std::uint8_t { open, looked_at, claimed };
  void wait_for_look() const noexcept;

  // Made anew in its place: an assignment makes one elsewhere, and copies it by wider loads than
  // its stores, which waits for them (7 ns with g++ 12).
  context where_;
  stop_link stop_;
  queue_links links_;
  std::atomic<slot*> runner_{nullptr};
  std::atomic<claim_state> state_{claim_state::open};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
