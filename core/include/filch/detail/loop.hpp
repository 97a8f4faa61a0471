#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include <filch/detail/core.hpp>
#include <filch/options.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

class loop_core;

/// An item's failure, kept until the verdict.
struct failed_item {
  std::size_t index;
  std::exception_ptr error;
};

/// What a loop does with its items; the typed half of `loop_core`.
struct loop_body {
  /// Runs items lo, lo+1, ... and returns the index after the last one it ran: `hi`, or less when
  /// an item threw, after `loop.failed(i, error)`. Never throws.
  std::size_t (*run)(void* self, std::size_t lo, std::size_t hi, loop_core& loop) noexcept;
  void* self;
  /// Told of each failed item under `errors::collect`, instead of keeping it for `errors_list`;
  /// null: keep it. (How `map_try` stores outcomes.)
  void (*sink)(void* self, std::size_t i, std::exception_ptr error) noexcept = nullptr;
};

/// The shared part of one parallel loop over [0, n): who takes which items, what failed, who
/// still runs. Items are handed out in ascending order, so when item i fails every lower item has
/// been taken already and only higher ones are left out (`errors::serial`).
///
/// Chunks: as given, or measured: each participant starts with one item and takes more while a
/// chunk stays below some tens of microseconds and a fair share of what is left; the last items
/// are not divided below a few microseconds.
class FILCH_API loop_core final : public awaited {
 public:
  /// `ctx` is the call's context; options and ctx must outlive the loop.
  loop_core(context& ctx, std::size_t n, const job_options& options, loop_body body);
  ~loop_core();

  /// Queues `helpers` tickets, each of which takes part in the loop on another thread. `owner`
  /// (may be empty) is kept alive by each of them. `last`, when given, is called by the last
  /// ticket after everything has ended.
  void launch(std::size_t helpers, ref<ref_counted> owner, void (*last)(void*) = nullptr,
              void* argument = nullptr);
  /// Takes items until none is left, while up to `more` other threads may join in: parts are
  /// offered as halves of forks are, who takes one offers more. Blocks: until those that joined
  /// have ended. `may_leave`: the caller is itself one that has joined.
  void share_out(std::size_t more, bool may_leave = false);

  /// After the end: what the call throws, or null. Under a stop `cancelled` or `timed_out`.
  std::exception_ptr verdict();
  /// Reports that item i threw; called by the body.
  void failed(std::size_t i, std::exception_ptr error) noexcept;
  /// Items above i need not run; called by bodies that have found what they look for.
  void cut(std::size_t i) noexcept;
  /// Claims every ticket that has not started, so that nothing will run: true if none had.
  bool withdraw() noexcept;
  /// Lets the call throw `timed_out` and stops it, `limit` from now. Throws: `no_thread`.
  void limit_time(std::chrono::nanoseconds limit);

  /// How many threads should take part, the caller included.
  std::size_t crew() const noexcept;

  latch& done() noexcept override { return running_.done(); }
  ref<job> unclaimed() noexcept override;
  slot* runner(std::size_t i) noexcept override;
  const void* what() const noexcept override { return ctx_->what; }
  pool_core* pool() noexcept override { return ctx_->pool; }
  bool structured() const noexcept override { return structured_; }

 private:
  class ticket;
  struct part;
  struct extra_part;
  void participate(bool may_leave) noexcept;
  void take_items(bool may_leave) noexcept;
  bool has_room() noexcept;
  bool fills_vacancy() noexcept;
  std::size_t most_at_once() const noexcept;
  struct share;
  struct expiry;
  /// False if there is nothing more to do: all items are taken, or the loop was stopped.
  bool run_chunk(std::size_t lo, std::size_t hi, share& pace) noexcept;
  std::size_t run_limited_item(std::size_t i) noexcept;
  bool take(share& pace, std::size_t& lo, std::size_t& hi) noexcept;
  void advance(std::size_t items) noexcept;
  void ticket_ended() noexcept;
  void keep(std::size_t i, std::exception_ptr error) noexcept;
  /// Notes that a stop kept an item from running, or from finishing.
  void leave_out() noexcept {
    // order: [relaxed: ordered by the end of the tickets]
    left_out_.store(true, std::memory_order_relaxed);
  }

  // What each participant reads and writes for each chunk, up to `next_`: a line of 64 bytes.
  context* const ctx_;
  const std::size_t n_;
  const job_options& options_;
  const loop_body body_;
  std::atomic<std::size_t> next_{0}, bound_;
  std::atomic<std::size_t> ended_tickets_{0}, failures_{0}, besides_{0};
  std::atomic<int> vacancies_{0};
  std::atomic<bool> left_out_{false};
  std::mutex errors_lock_, progress_lock_;
  std::vector<failed_item> errors_;
  std::exception_ptr no_room_;  // for all the errors: an incomplete list would pass for a full one
  progress shown_;
  std::vector<ref<job>> tickets_;
  std::size_t outstanding_ = 0;
  bool structured_ = true;
  countdown running_;
  void (*last_)(void*) = nullptr;
  void* last_argument_ = nullptr;
  std::shared_ptr<expiry> expiry_;
};

/// Runs a loop as a blocking call: takes part, waits for the others, throws the verdict.
FILCH_API void run_loop(call_scope& call, std::size_t n, const job_options& options,
                        loop_body body);

}  // namespace detail
}  // namespace v0
}  // namespace filch
