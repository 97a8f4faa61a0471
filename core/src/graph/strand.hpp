#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>

#include <filch/detail/current.hpp>
#include <filch/detail/fork_job.hpp>

#include "graph/run_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// A queued part of a run: nodes that can begin.
class run_job final : public job {
 public:
  explicit run_job(run_core& run) noexcept : run_(&run) {}
  /// Makes it ready to be queued, once more if it was before.
  void set(run_node* list, filch::lane where) noexcept;
  void run() noexcept override;

 private:
  friend class run_core;
  run_core* run_;
  run_node* list_ = nullptr;
  run_job* next_ = nullptr;  // the run's list of jobs that have not begun; under its lock
  run_job* previous_ = nullptr;
};

/// One thread's work on one run: nodes that can begin, newest first, of which some are offered to
/// thieves as halves of forks are.
class strand {
 public:
  /// Requires: `within` the run's context. `on_io`: runs nodes of lane::io and queues the others.
  strand(run_core& run, bool on_io) noexcept;
  strand(const strand&) = delete;
  strand& operator=(const strand&) = delete;
  ~strand();

  /// Runs these nodes and what can begin because of them. On an io thread only the former; the
  /// rest is returned, to be queued for the workers.
  run_node* work(run_node* list) noexcept;

  /// A run inside a node has ended: the node goes on. Before `work`.
  void resume(run_core::resumed& what) noexcept;

  /// What this thread has finished so far. Threads: written by its own, read by any.
  run_progress progress() const noexcept;
  strand* after = nullptr;  // the run's list
  strand* before = nullptr;
  slot* place() const noexcept { return place_; }
  bool is_of(const run_core& run) const noexcept { return &run == &run_; }

 private:
  /// So many offers at a time. What comes on top of them goes into the newest, so that thieves can
  /// get to all of it.
  static constexpr unsigned most_offers = 32;

  /// Nodes that can begin, linked by their `next`.
  struct chain {
    run_node* first = nullptr;
    run_node* last = nullptr;
    std::size_t size = 0;

    static chain of(run_node* list) noexcept;
    run_node& pop() noexcept;
    /// The first `n`, which must be fewer than there are.
    chain split(std::size_t n) noexcept;
    void put_before(const chain& newer) noexcept;
  };
  /// Nodes that thieves may take. Who has taken them says so before they begin, so that the owner
  /// can leave its frame.
  struct offer final : fork_job {
    offer() noexcept : fork_job(nullptr, nullptr) {}
    chain nodes;
  };
  static void run_stolen(fork_job& half) noexcept;

  void push(run_node& node) noexcept;
  run_node* pop() noexcept;
  bool has_room() const noexcept { return forks_ && level_ < most_offers && !forks_->full(); }
  void offer_nodes(const chain& nodes) noexcept;
  void offer_all(chain nodes) noexcept;
  void add_to_newest(const chain& nodes) noexcept;
  /// Takes the newest offer off; null if thieves have it, and with it all others.
  offer* take_newest() noexcept;
  bool take_back(offer& newest) noexcept;

  /// Runs a node; what can begin because of it is pushed but for one, which is returned.
  run_node* step(run_node& node) noexcept;
  enum class outcome : std::uint8_t { done, failed, skipped, passed, later, again };
  outcome run_special(run_node& node, const prepared_node& p) noexcept;
  outcome call(run_node& node, const prepared_node& p, const node_details& d) noexcept;
  outcome call_inside(run_node& node, const prepared_node& p, const node_details& d);
  void begin_part(run_core& part, run_node* goes_on, run_node& from,
                  std::unique_ptr<subgraph> made);
  void try_at_once(run_node& node) noexcept;
  outcome failed(run_node& node, const node_details* d, std::exception_ptr error) noexcept;
  outcome before_call(run_node& node, const node_details& d) noexcept;
  void finish(run_node& node, const prepared_node& p, outcome what) noexcept;
  void count(run_node& node, node_state now, bool in_loop) noexcept;
  void tell_successors(run_node& node, const prepared_node& p, outcome what) noexcept;
  void tell_ways(run_node& node, const node_details& d, outcome what) noexcept;
  void arrive(run_node& at, std::uint8_t marks) noexcept;
  static const prepared_way* way_back(run_node& node, const node_details& d) noexcept;

  run_core& run_;
  const prepared_node* const prepared_;
  run_node* const nodes_;
  fork_deque* const forks_;
  slot* const place_;
  const bool on_io_;
  chain local_;  // nobody else sees them: there is no deque, or no room in it
  unsigned level_ = 0;
  std::atomic<std::size_t> done_{0}, failed_{0}, skipped_{0};
  offer offers_[most_offers];
};

/// What an arrival says to a node beyond having ended.
struct mark {
  enum : std::uint8_t {
    poisoned = 1,  ///< something before it failed, or was skipped
    missing = 2,   ///< a result that it uses does not exist in this run
    alive = 4,     ///< something before it has run
    chosen = 8,    ///< a branch has chosen it
  };
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
