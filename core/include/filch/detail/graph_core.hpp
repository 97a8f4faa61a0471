#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include <filch/detail/export.hpp>
#include <filch/detail/graph_node.hpp>
#include <filch/options.hpp>

/// \file
/// What the templates may ask of a graph and of a run. Both are private to core/src/graph.

namespace filch {
inline namespace v0 {

/// What became of a node in a run.
enum class node_state : std::uint8_t {
  waiting,  ///< not begun yet, or at work just now
  done,     ///< it has run
  failed,   ///< its callable threw
  skipped,  ///< it did not run: something before it failed, or the run was stopped
  passed,   ///< it did not run: no branch has chosen it, or what it needs was not chosen
};

/// How far a run has come; every node counts once, however often a loop has run it.
struct run_progress {
  /// Nodes that have run without an error.
  std::size_t done = 0;
  /// Threads that work on the run just now, and nodes that wait for a thread of lane::io or for
  /// their next try.
  std::size_t running = 0;
  /// Nodes whose callable threw.
  std::size_t failed = 0;
  /// Nodes that did not run and will not: `node_state::skipped` and `passed`.
  std::size_t skipped = 0;
  /// All nodes of the graph.
  std::size_t total = 0;
};

/// What a traced run's nodes took.
struct run_timing {
  /// All nodes together.
  std::chrono::nanoseconds work{0};
  /// The longest chain of nodes that wait for each other: no number of cores is faster.
  std::chrono::nanoseconds span{0};
  /// From the first node's beginning to the last one's end.
  std::chrono::nanoseconds wall{0};
  /// How many cores the graph can keep busy, on average.
  double parallelism() const noexcept {
    return span.count() > 0 ? static_cast<double>(work.count()) / static_cast<double>(span.count())
                            : 0;
  }
  /// A sentence for people.
  FILCH_API std::string describe() const;
};

namespace detail {

class graph_core;
class run_core;

FILCH_API graph_core* make_graph();
/// Gives up the caller's share; runs that go on keep theirs.
FILCH_API void drop_graph(graph_core* graph) noexcept;

/// A new node's number and the memory for its closure, in which the caller constructs it at once
/// and then calls `keep_node`, or `forget_node` if that throws.
struct new_node {
  node_id id;
  void* closure;
};
/// Throws: `graph_busy`, `bad_alloc`.
FILCH_API new_node add_node(graph_core& graph, const node_type& type, std::size_t size,
                            std::size_t align);
FILCH_API void forget_node(graph_core& graph) noexcept;

/// Throws: `graph_busy`, `foreign_node`, `invalid_graph`, `bad_alloc`.
FILCH_API void add_edge(graph_core* from_graph, node_id from, graph_core* to_graph, node_id to);
FILCH_API void add_way(graph_core* branch_graph, node_id branch, graph_core* to_graph, node_id to);
FILCH_API void require_same_graph(const graph_core* expected, const graph_core* given);

/// The closure of a node that stands for another graph, of which it holds a share.
struct composed {
  graph_core* other;
  node_id out;
  bool gives;  // the result of `out`
  FILCH_API static void end(void* closure) noexcept;
};
/// Throws: as `add_node`; `cyclic_graph`.
FILCH_API node_id add_composed(graph_core& graph, graph_core& other, const node_type& type,
                               std::size_t size,
                               void (*make)(void* at, graph_core& other, node_id out) noexcept,
                               node_id out);

/// What can be said of single nodes; most have nothing of it.
FILCH_API void set_name(graph_core& graph, node_id node, std::string_view name);
FILCH_API void set_lane(graph_core& graph, node_id node, filch::lane where);
FILCH_API void set_keep(graph_core& graph, node_id node);
FILCH_API void set_retry(graph_core& graph, node_id node, unsigned more,
                         std::chrono::nanoseconds backoff);

FILCH_API std::size_t node_count(const graph_core& graph) noexcept;
/// Throws: `cyclic_graph`, `invalid_graph`.
FILCH_API void check_graph(graph_core& graph);
FILCH_API void draw_graph(graph_core& graph, std::ostream& out);

/// When a run is repeated: so many rounds, or until a callable says that it is enough.
struct rounds {
  std::size_t most = 1;
  std::function<bool()> enough = {};
};

/// Begins a run; the caller owns the handle's share of it.
/// Throws: `graph_busy`, `cyclic_graph`, `invalid_graph`, and as `enter`.
FILCH_API run_core* begin_run(pool_core& pool, graph_core& graph, const job_options& options,
                              rounds how_often);
FILCH_API void drop_run(run_core* run) noexcept;
FILCH_API void wait_run(run_core& run);
FILCH_API bool wait_run_until(run_core& run, std::chrono::steady_clock::time_point deadline);
FILCH_API bool run_ended(const run_core& run) noexcept;
FILCH_API void cancel_run(run_core& run) noexcept;
FILCH_API run_progress progress_of(run_core& run) noexcept;
FILCH_API node_state state_of(run_core& run, const graph_core* graph, node_id node);
/// What the run throws, or null. Requires: ended. The error counts as read.
FILCH_API std::exception_ptr verdict_of(run_core& run);
/// The node whose value is asked for. Requires: ended. Throws: what keeps it from having one.
FILCH_API run_node& result_node(run_core& run, const graph_core* graph, node_id node);
/// These three throw: `not_traced`; the last one `file_error`.
FILCH_API void draw_run(run_core& run, std::ostream& out);
FILCH_API run_timing timing_of(run_core& run);
FILCH_API void write_trace(run_core& run, const std::string& path);
/// Calls `f` when the run has ended, at once if it has.
FILCH_API void call_when_ended(run_core& run, std::function<void()> f);

[[noreturn]] FILCH_API FILCH_COLD void throw_no_node();
[[noreturn]] FILCH_API FILCH_COLD void throw_no_run();

}  // namespace detail
}  // namespace v0
}  // namespace filch
