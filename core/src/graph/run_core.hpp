#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <filch/detail/awaited.hpp>
#include <filch/detail/core.hpp>
#include <filch/detail/graph_core.hpp>
#include <filch/options.hpp>
#include <filch/subgraph.hpp>

#include "graph/timing.hpp"
#include "graph/topology.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

class strand;
class run_job;

/// The context of a run's nodes; says which run it is.
struct run_context : context {
  run_core* run = nullptr;
};

/// Memory whose objects need no end.
struct untyped_delete {
  void operator()(void* memory) const noexcept { ::operator delete(memory); }
};

/// One run of a graph: the room for its results, who works on it, what failed. Kept by its graph
/// and used again for later runs.
///
/// Shares: the handle has one, the run itself another until it has ended. `pieces_` counts what
/// goes on: threads that work on the run, and nodes that wait elsewhere (for the io lane, for
/// their next try). When it falls to zero nothing can go on any more, and everything is over.
class run_core final : public awaited {
 public:
  run_core(graph_core& graph, std::shared_ptr<const topology> shape);
  ~run_core();

  // ---- the handle ----
  /// Throws: as `enter`; `no_thread` for a time limit. Then the run is as before.
  void begin(pool_core& pool, const job_options& options, rounds how_often);
  void cancel() noexcept;
  void wait();
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  bool has_ended() const noexcept { return done_.is_set(); }
  run_progress progress() noexcept;
  node_state state(node_id node) const noexcept;
  std::exception_ptr verdict() noexcept;
  run_node& result(node_id node);
  void on_end(std::function<void()> f);
  void handle_gone() noexcept;

  // ---- the graph ----
  graph_core& graph() noexcept { return graph_; }
  bool is_of(const std::shared_ptr<const topology>& shape) const noexcept {
    return shape == shape_;
  }
  /// Under the graph's lock: a run whose pool it still keeps from ending.
  bool goes_on() const noexcept {
    // order: [relaxed: the graph's lock is met before the run can end]
    return goes_on_.load(std::memory_order_relaxed);
  }

  // ---- who works on it ----
  /// A node of another run that goes on when a run inside it has ended.
  struct resumed {
    run_core* run = nullptr;
    run_node* node = nullptr;
    std::exception_ptr error;
    bool left_out = false;
  };
  /// Runs these nodes and what follows them, also in runs that this one is a part of. The caller's
  /// piece ends with it, and *this perhaps.
  void work(run_node* list, bool on_io) noexcept;
  /// Begins a run inside a node of `whole`, with a piece of it that the caller has made. `made`:
  /// the subgraph, if it is one. `node` is null for a detached one of `from`.
  void begin_inside(run_core& whole, run_node* node, node_id from, std::unique_ptr<subgraph> made);
  /// One more piece. Requires: the caller has one, or keeps one from ending.
  void one_more_piece() noexcept {
    // order: [relaxed: only the last one publishes, and it is ordered by the decrements]
    pieces_.fetch_add(1, std::memory_order_relaxed);
  }
  /// Ends a piece that the caller has made for nothing; it has another.
  void one_piece_less() noexcept {
    // order: [relaxed: not the last]
    pieces_.fetch_sub(1, std::memory_order_relaxed);
  }
  /// Queues a job that works on these nodes, with the caller's piece. False without memory.
  bool send(run_node* list, filch::lane where) noexcept;
  void enters(strand& s) noexcept;
  void leaves(strand& s) noexcept;
  void begins(run_job& work) noexcept;

  const topology& shape() const noexcept { return *shape_; }
  run_node* nodes() noexcept { return nodes_.get(); }
  context& ctx() noexcept { return ctx_; }
  /// Not zero if ordinary nodes have to be looked at, too: `alarm`'s bits.
  enum alarm : std::uint32_t { stopped = 1, ask_link = 2, tell_progress = 4, keep_times = 8 };
  std::uint32_t alarms() const noexcept {
    // order: [relaxed: a hint; stopping is told by the link]
    return alarms_.load(std::memory_order_relaxed) | (pool_stop_->asked() ? stopped : 0U);
  }
  bool stop_requested() const noexcept { return stop_->stop_requested(); }
  std::uint32_t serial() const noexcept {
    // order: [relaxed: changed between two rounds; the first node's queue hands it on]
    return serial_.load(std::memory_order_relaxed);
  }
  std::uint32_t fate(node_state s) const noexcept {
    return serial() << 3 | static_cast<std::uint32_t>(s);
  }
  node_state last_state(const run_node& node) const noexcept;

  void failed(node_id node, std::exception_ptr error) noexcept;
  /// A stop kept a node from running.
  void left_out() noexcept {
    // order: [relaxed: read after the run]
    left_out_.store(true, std::memory_order_relaxed);
  }
  void tell() noexcept;
  /// Sleeps for a node's next try, with the caller's piece. Throws: `no_thread`, `bad_alloc`.
  void try_later(run_node& node, std::chrono::nanoseconds pause);
  /// Null if nobody wants times.
  run_times* times() noexcept { return times_.get(); }
  const run_times* times() const noexcept { return times_.get(); }
  /// What a node that has ended says to those behind it.
  std::uint32_t state_marks(node_id from, bool data) const noexcept;
  void begin_loop_anew(const prepared_loop& loop) noexcept;

  // ---- awaited ----
  latch& done() noexcept override { return done_; }
  ref<job> unclaimed() noexcept override;
  slot* runner(std::size_t i) noexcept override;
  const void* what() const noexcept override { return this; }
  pool_core* pool() noexcept override { return ctx_.pool; }

 private:
  /// The time limit, shared with its timer.
  struct expiry {
    std::atomic<bool> over{false};
    std::uint64_t timer = 0;
  };
  struct pause;
  struct node_error {
    node_id node;
    std::exception_ptr error;
  };

  void reset(const job_options& options, rounds how_often);
  void begin_round() noexcept;
  void hang(pool_core& pool, const job_options& options);
  void limit_time(std::chrono::nanoseconds limit);
  run_node* start_list() noexcept;
  ref<run_job> starter();
  /// Works until this piece has ended; what goes on then, if it was the last one.
  resumed work_here(run_node* list, bool on_io, resumed* after) noexcept;
  /// After the last piece: the sources of the next round, or null when the run is over.
  run_node* next_round() noexcept;
  void end() noexcept;
  resumed end_inside() noexcept;
  run_timing timing_inside() noexcept;
  void hand_over(run_core& whole, run_node& node);
  void give_up_share() noexcept;
  void clear_values() noexcept;
  void wait_for_end() noexcept;

  graph_core& graph_;
  const std::shared_ptr<const topology> shape_;
  const std::unique_ptr<run_node[], untyped_delete> nodes_;
  std::byte* large_ = nullptr;

  pool_ptr core_;
  run_context ctx_;
  std::optional<stop_link> stop_;
  const stop_link* pool_stop_ = nullptr;
  std::string name_;
  job_options options_;
  rounds rounds_;
  std::atomic<std::uint32_t> serial_{0};  // of the round; how results of earlier ones are told

  alignas(64) std::atomic<std::uint32_t> pieces_{0};
  std::atomic<std::uint32_t> shares_{0};
  std::atomic<bool> left_out_{false};
  alignas(64) std::atomic<std::uint32_t> alarms_{0};
  latch done_;

  /// Who works on this run and on all runs inside it, and their jobs that have not begun: in the
  /// outermost one, under its lock.
  run_core* outermost_ = this;
  std::mutex work_lock_;
  strand* strands_ = nullptr;
  run_job* waiting_ = nullptr;
  run_progress past_;  // of this run's strands that have ended; under the outermost's lock

  std::mutex lock_;  // of all below
  std::vector<ref<run_job>> starters_;
  std::vector<node_error> errors_;
  std::exception_ptr no_room_;
  std::vector<std::function<void()>> callbacks_;
  std::shared_ptr<expiry> expiry_;
  std::unique_ptr<run_times> times_;
  std::mutex progress_lock_;

  run_core* whole_ = nullptr;
  run_node* whole_node_ = nullptr;
  node_id whole_id_ = 0;
  std::unique_ptr<subgraph> made_;

  bool ended_ = false;
  std::atomic<bool> goes_on_{false};
  bool observed_ = false;
  bool quiet_end_ = true;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
