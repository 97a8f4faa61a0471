#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <filch/detail/graph_core.hpp>
#include <filch/detail/ref.hpp>

#include "graph/arena.hpp"
#include "graph/topology.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// What users have said of a node beyond its callable.
struct node_wishes {
  std::string name;
  filch::lane lane = filch::lane::cpu;
  bool keep = false;
  unsigned retries = 0;
  std::chrono::nanoseconds backoff{0};
};

/// A graph as it was declared, what was prepared of it, and its runs.
/// Threads: building by one; the rest under `lock_`.
class graph_core final : public ref_counted {
 public:
  graph_core() = default;
  ~graph_core() override;

  // ---- building ----
  new_node add(const node_type& type, std::size_t size, std::size_t align);
  void forget_newest() noexcept;
  void connect(node_id from, node_id to);
  void connect_way(node_id branch, node_id to);
  node_wishes& wishes(node_id node);
  node_id compose(graph_core& other, const node_type& type, std::size_t size,
                  void (*make)(void*, graph_core&, node_id) noexcept, node_id out);

  // ---- what was declared ----
  std::size_t size() const noexcept { return nodes_.size(); }
  const declared_node& at(node_id node) const noexcept { return nodes_[node]; }
  const std::vector<declared_edge>& edges() const noexcept { return edges_; }
  const std::vector<declared_way>& ways() const noexcept { return ways_; }
  const std::unordered_map<node_id, node_wishes>& all_wishes() const noexcept { return wishes_; }
  /// Null for most.
  const node_wishes* wishes_of(node_id node) const noexcept;
  /// As errors and drawings call it: its name in quotes, or its number.
  std::string title(node_id node) const;
  bool takes_values() const noexcept { return takes_values_; }
  bool reentrant() const noexcept { return not_reentrant_ == none; }

  /// Prepares it if it has changed. Throws: `cyclic_graph`, `invalid_graph`.
  std::shared_ptr<const topology> prepared();

  // ---- runs ----
  /// A run's state that is not in use, with a share of the graph. Throws: `graph_busy`, and as
  /// `prepared`.
  run_core& lend();
  /// The run is over: the graph may be changed, and run again.
  void ended() noexcept;
  /// Nobody uses the run's state any more; gives the share back.
  void give_back(run_core& run) noexcept;
  /// The handle of the graph is gone.
  void dropped() noexcept;

 private:
  static constexpr node_id none = static_cast<node_id>(-1);

  bool contains(const graph_core& other) const noexcept;
  void require_idle(const char* what) const;
  void changed() noexcept { topology_.reset(); }

  arena arena_;
  std::vector<declared_node> nodes_;
  std::vector<declared_edge> edges_;
  std::vector<declared_way> ways_;
  std::unordered_map<node_id, node_wishes> wishes_;
  std::vector<graph_core*> composed_;  // each has a node that holds a share
  bool takes_values_ = false;
  node_id not_reentrant_ = none;

  mutable std::mutex lock_;
  std::shared_ptr<const topology> topology_;
  std::vector<std::unique_ptr<run_core>> runs_;
  std::vector<run_core*> idle_;
  std::atomic<std::size_t> running_{0};  // changed under the lock
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
