#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <filch/detail/graph_core.hpp>
#include <filch/detail/job.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

struct declared_node {
  const node_type* type;
  void* closure;
};
/// The results that it uses.
inline std::span<node_input> inputs_of(const declared_node& node) noexcept {
  const std::size_t n = node.type->input_count;
  if (n == 0) return {};
  return {node.type->inputs(node.closure), n};
}
struct declared_edge {
  node_id from, to;
};
/// The `index`-th way of a branch.
struct declared_way {
  node_id branch, to;
  std::uint32_t index;
};

/// A node as a run sees it: half a cache line, in the order of addition.
struct prepared_node {
  void (*call)(void* closure, run_node* nodes, run_node& self);
  void* closure;
  /// Where its successors begin; they end where the next node's begin.
  std::uint32_t first;
  /// How many must end before it can begin.
  std::uint32_t need;
  /// Of its entry in `topology::details` if it is not an ordinary one, else 0.
  std::uint32_t detail;
  /// Some successor wants to know more than "I have ended".
  bool tells;
};
static_assert(sizeof(prepared_node) == 32);

/// A successor: its number, whether it waits for nothing else, whether it uses the result.
struct successor {
  std::uint32_t word;
  static constexpr std::uint32_t only_bit = 1U << 31, data_bit = 1U << 30;
  static constexpr std::uint32_t most_nodes = data_bit;
  node_id to() const noexcept { return word & (data_bit - 1); }
  bool only() const noexcept { return (word & only_bit) != 0; }
  bool data() const noexcept { return (word & data_bit) != 0; }
};

/// A way of a branch.
struct prepared_way {
  std::uint32_t index;
  node_id to;
  /// Of the loop that it begins anew, in `topology::loops`; -1 if it leads onwards.
  std::int32_t loop;
};

/// What a node inside a loop waits for when the loop begins anew.
struct loop_member {
  node_id node;
  std::uint32_t left;
};
/// An edge into a loop: it says its word once, not in each round.
struct outside_edge {
  node_id from, to;
  bool data;
};
struct outside_way {
  node_id branch, to;
  std::uint32_t index;
};
struct prepared_loop {
  node_id branch, head;
  std::vector<loop_member> members;
  std::vector<outside_edge> edges;
  std::vector<outside_way> ways;
};

/// What makes a node other than ordinary.
struct node_details {
  node_kind kind = node_kind::plain;
  filch::lane lane = filch::lane::cpu;
  unsigned retries = 0;
  std::chrono::nanoseconds backoff{0};
  std::string name;
  std::vector<prepared_way> ways;
  /// A branch may or may not choose it, or something before it.
  bool conditional = false;
  /// It is itself a way of a branch.
  bool has_choice = false;
  /// Something must have ended before it, besides the choice.
  bool has_before = false;
  bool in_loop = false;
  /// Nodes inside a loop that has ended: they are looked at when this one begins.
  struct inside_edge {
    node_id from;
    bool data;
  };
  std::vector<inside_edge> out_of_loops;
};

/// A graph prepared for runs; immutable, shared by its runs.
struct topology {
  std::vector<prepared_node> nodes;  // one more than there are: the end of the last's successors
  std::vector<successor> successors;
  std::vector<node_id> sources;
  std::vector<node_details> details;  // the 0th is nobody's
  std::vector<prepared_loop> loops;
  /// Values that do not fit into their node: where each is in the larger room.
  struct large_value {
    node_id node;
    std::size_t offset;
  };
  std::vector<large_value> large;
  std::size_t large_size = 0, large_align = 1;
  /// Nodes whose values have to be destroyed.
  struct value_end {
    node_id node;
    void (*end_value)(run_node&) noexcept;
  };
  std::vector<value_end> with_end;

  std::size_t size() const noexcept { return nodes.size() - 1; }
};

class graph_core;

/// Throws: `cyclic_graph`, `invalid_graph`.
std::shared_ptr<const topology> prepare(const graph_core& graph);

/// What the branches of a graph make of it.
struct flow {
  /// By way: the loop that it begins anew, or -1.
  std::vector<std::int32_t> loop_of_way;
  struct loop_body {
    node_id branch, head;
    std::vector<bool> inside;
    std::vector<node_id> members;
  };
  std::vector<loop_body> loops;
  std::vector<bool> conditional;

  /// An edge that leaves a loop is not counted: what waits for the loop's end comes later anyway.
  bool leaves_loop(node_id from, node_id to) const noexcept {
    for (const auto& l : loops) {
      if (from != l.branch && l.inside[from] && !l.inside[to]) return true;
    }
    return false;
  }
  bool in_loop(node_id node) const noexcept {
    for (const auto& l : loops) {
      if (l.inside[node]) return true;
    }
    return false;
  }
};

/// Finds the loops and what depends on choices. Throws: `cyclic_graph`, `invalid_graph`.
flow find_flow(const graph_core& graph);

/// Throws `cyclic_graph` if nodes wait for each other.
void require_acyclic(const graph_core& graph);

/// Calls `f(from, to, data)` for each edge of a graph.
template <class Graph, class F>
void for_each_edge(const Graph& graph, F f) {
  for (node_id to = 0; to < graph.size(); ++to) {
    for (const node_input& in : inputs_of(graph.at(to))) f(in.from, to, true);
  }
  for (const auto& e : graph.edges()) f(e.from, e.to, false);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
