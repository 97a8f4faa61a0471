#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <vector>

#include <filch/detail/graph_core.hpp>

#include "base/trace_text.hpp"
#include "graph/topology.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// One call of a node.
struct node_time {
  node_id node;
  trace_place place;
  std::chrono::steady_clock::time_point begin, end;
};

/// When each node of a run began and ended, kept where the run was asked to.
/// Threads: any; a mutex for each call of a node.
class run_times {
 public:
  void add(const node_time& call) noexcept;
  /// What a run inside the node took: added to what the node's own callable did.
  void add_inside(node_id node, std::chrono::nanoseconds work,
                  std::chrono::nanoseconds span) noexcept;
  void add_events(const std::vector<trace_event>& events) noexcept;

  std::vector<node_time> calls() const;
  std::size_t left_out() const;
  run_timing timing(const topology& shape) const;
  /// The calls as events, those of runs inside as well.
  std::vector<trace_event> events(const graph_core& graph) const;

 private:
  struct inside {
    node_id node;
    std::chrono::nanoseconds work, span;
  };
  /// A run of a million nodes in a loop must not fill the memory.
  static constexpr std::size_t most = std::size_t{1} << 22;

  mutable std::mutex lock_;
  std::vector<node_time> calls_;
  std::vector<inside> inside_;
  std::vector<trace_event> events_;
  std::size_t left_out_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
