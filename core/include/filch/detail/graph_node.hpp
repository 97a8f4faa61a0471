#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include <filch/detail/future_state.hpp>

/// \file
/// A node as the compiled half of the graph knows it: a table of functions made by the template
/// that added it, a closure, and in each run a few words and the room for its result.

namespace filch {
inline namespace v0 {
namespace detail {

/// A node's number: the order in which it was added.
using node_id = std::uint32_t;

/// What one run knows of one node. Written by whoever runs the node; `left` by those before it.
struct run_node {
  /// How many of the nodes before it have not ended yet.
  std::atomic<std::uint32_t> left{0};
  /// The serial number of the run and what became of the node in it (run_core).
  std::atomic<std::uint32_t> fate{0};
  /// The next node of a list of nodes that can begin.
  run_node* next = nullptr;
  /// What nodes before it have said beyond "I have ended": see graph/README.md.
  std::atomic<std::uint8_t> marks{0};
  /// A value that has to be destroyed is in the room.
  bool has_value = false;
  /// The value was moved to its only user.
  std::atomic<bool> moved{false};
  std::uint8_t tries = 0;
  std::uint32_t number = 0;
  /// Room for a small value, or the address of a larger room.
  alignas(8) std::byte room[8];
};
static_assert(sizeof(run_node) == 32);

template <class V>
inline constexpr bool fits_in_node = sizeof(V) <= sizeof(run_node::room) && alignof(V) <= 8;

/// Where the node's value is, or will be.
template <class V>
V* value_place(run_node& node) noexcept {
  if constexpr (fits_in_node<V>) {
    return std::launder(reinterpret_cast<V*>(node.room));
  } else {
    return static_cast<V*>(*std::launder(reinterpret_cast<void**>(node.room)));
  }
}

template <class V>
void end_value(run_node& node) noexcept {
  value_place<V>(node)->~V();
}

/// A node that hands its result on: its number, and whether this user may have the value for good.
struct node_input {
  node_id from = 0;
  bool moves = false;
};

/// How a callable takes the result of a node it depends on.
enum class taking : std::uint8_t {
  shared,     ///< by const reference, or as a copy that it makes itself
  copyable,   ///< by value or rvalue: moved to it if nobody else can need it, else a copy
  only_moved  ///< the same, of a type without copies
};

enum class node_kind : std::uint8_t { plain, branch, subgraph, composed };

/// What is common to all nodes made from the same types.
struct node_type {
  /// Calls the callable and puts the result into its room. Throws: what the callable throws.
  void (*call)(void* closure, run_node* nodes, run_node& self);
  /// Null where there is nothing to do.
  void (*end_value)(run_node&) noexcept;
  void (*end_closure)(void* closure) noexcept;
  node_input* (*inputs)(void* closure) noexcept;
  const taking* takings;
  std::uint32_t input_count;
  /// Of the larger room, 0 if the value fits into the node.
  std::uint32_t value_size, value_align;
  node_kind kind;
  /// False if the callable changes itself (it has no const call): one run at a time.
  bool reentrant;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
