#include "graph/graph_core.hpp"

#include <algorithm>

#include <filch/error.hpp>

#include "graph/run_core.hpp"
#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

graph_core::~graph_core() {
  runs_.clear();
  for (const auto& node : nodes_) {
    if (node.type->end_closure) node.type->end_closure(node.closure);
  }
}

// ---- building ---------------------------------------------------------------------------------

void graph_core::require_idle(const char* what) const {
  // order: what the last run wrote is visible to who changes the graph [pair:GRAPH-IDLE]
  if (running_.load(std::memory_order_acquire) == 0) [[likely]] {
    return;
  }
  throw graph_busy(std::string("filch: the graph runs and cannot be changed (") + what +
                   "); wait for the run, or build a second graph");
}

new_node graph_core::add(const node_type& type, std::size_t size, std::size_t align) {
  require_idle("add");
  if (nodes_.size() >= successor::most_nodes) {
    throw invalid_graph("filch: a graph has at most 2^30 nodes; compose it of several");
  }
  void* const closure = arena_.take(size, align);
  const auto id = static_cast<node_id>(nodes_.size());
  nodes_.push_back({&type, closure});
  for (std::uint32_t i = 0; i < type.input_count; ++i) {
    takes_values_ = takes_values_ || type.takings[i] != taking::shared;
  }
  if (!type.reentrant && not_reentrant_ == none) not_reentrant_ = id;
  changed();
  return {id, closure};
}

void graph_core::forget_newest() noexcept {
  nodes_.pop_back();
  const auto gone = static_cast<node_id>(nodes_.size());
  std::erase_if(edges_, [gone](const declared_edge& e) { return e.from == gone || e.to == gone; });
  if (not_reentrant_ == gone) not_reentrant_ = none;
}

void graph_core::connect(node_id from, node_id to) {
  require_idle("precede, succeed");
  edges_.push_back({from, to});
  changed();
}

void graph_core::connect_way(node_id branch, node_id to) {
  require_idle("to");
  std::uint32_t index = 0;
  for (auto w = ways_.rbegin(); w != ways_.rend(); ++w) {
    if (w->branch != branch) continue;
    index = w->index + 1;
    break;
  }
  ways_.push_back({branch, to, index});
  changed();
}

bool graph_core::contains(const graph_core& other) const noexcept {
  return this == &other || std::any_of(composed_.begin(), composed_.end(),
                                       [&](const graph_core* c) { return c->contains(other); });
}

node_id graph_core::compose(graph_core& other, const node_type& type, std::size_t size,
                            void (*make)(void*, graph_core&, node_id) noexcept, node_id out) {
  if (other.contains(*this)) {
    throw cyclic_graph(
        "filch: a graph cannot be composed into itself, nor into a part of itself; use a loop "
        "(branch) or a subgraph");
  }
  composed_.reserve(composed_.size() + 1);
  const auto made = add(type, size, alignof(composed));
  other.retain();
  make(made.closure, other, out);
  composed_.push_back(&other);
  return made.id;
}

node_wishes& graph_core::wishes(node_id node) {
  require_idle("name, lane, keep, retry");
  changed();
  return wishes_[node];
}

const node_wishes* graph_core::wishes_of(node_id node) const noexcept {
  if (wishes_.empty()) return nullptr;
  const auto found = wishes_.find(node);
  return found == wishes_.end() ? nullptr : &found->second;
}

std::string graph_core::title(node_id node) const {
  const auto* w = wishes_of(node);
  if (w && !w->name.empty()) return "'" + w->name + "'";
  return "node " + std::to_string(node);
}

std::shared_ptr<const topology> graph_core::prepared() {
  if (!topology_) topology_ = prepare(*this);
  return topology_;
}

// ---- runs -------------------------------------------------------------------------------------

run_core& graph_core::lend() {
  const std::lock_guard lock(lock_);
  // order: [relaxed: changed under the lock]
  if (running_.load(std::memory_order_relaxed) > 0 && !reentrant()) {
    throw graph_busy("filch: the graph runs already, and " + title(not_reentrant_) +
                     " cannot be called by two runs at once: its callable has no const call (a "
                     "mutable lambda?). Make it const, or wait for the first run");
  }
  const auto current_topology = prepared();
  while (!idle_.empty() && !idle_.back()->is_of(current_topology)) {
    run_core* const old = idle_.back();
    idle_.pop_back();
    std::erase_if(runs_, [old](const auto& r) { return r.get() == old; });
  }
  run_core* lent = nullptr;
  if (idle_.empty()) {
    idle_.reserve(runs_.size() + 1);
    runs_.push_back(std::make_unique<run_core>(*this, current_topology));
    lent = runs_.back().get();
  } else {
    lent = idle_.back();
    idle_.pop_back();
  }
  // order: [relaxed: under the lock]
  running_.fetch_add(1, std::memory_order_relaxed);
  retain();
  return *lent;
}

void graph_core::ended() noexcept {
  const std::lock_guard lock(lock_);
  // order: the run is over for who changes the graph [pair:GRAPH-IDLE]
  running_.fetch_sub(1, std::memory_order_release);
}

void graph_core::give_back(run_core& run) noexcept {
  {
    const std::lock_guard lock(lock_);
    idle_.push_back(&run);  // there is room: lend() has reserved it
  }
  release();
}

void graph_core::dropped() noexcept {
  {
    const std::lock_guard lock(lock_);
    // order: [relaxed: changed under the lock]
    if (running_.load(std::memory_order_relaxed) > 0) {
      for (const auto& run : runs_) {
        if (!run->goes_on()) continue;
        run->pool()->report(std::make_exception_ptr(
            graph_busy("filch: a graph was destroyed while it ran; its parts stay until the run "
                       "has ended, but "
                       "what its callables refer to must stay, too: wait for the run first")));
        break;
      }
    }
  }
  release();
}

// ---- for the templates ------------------------------------------------------------------------

graph_core* make_graph() { return new graph_core; }
void drop_graph(graph_core* graph) noexcept {
  if (graph) graph->dropped();
}

new_node add_node(graph_core& graph, const node_type& type, std::size_t size, std::size_t align) {
  return graph.add(type, size, align);
}
node_id add_composed(graph_core& graph, graph_core& other, const node_type& type, std::size_t size,
                     void (*make)(void*, graph_core&, node_id) noexcept, node_id out) {
  return graph.compose(other, type, size, make, out);
}
void composed::end(void* closure) noexcept { static_cast<composed*>(closure)->other->release(); }
void forget_node(graph_core& graph) noexcept { graph.forget_newest(); }

void require_same_graph(const graph_core* expected, const graph_core* given) {
  if (!given) throw_no_node();
  if (expected != given) {
    throw foreign_node(
        "filch: the two nodes belong to different graphs, and an edge cannot lead from one to the "
        "other; add both to one graph, or compose the graphs");
  }
}

void add_edge(graph_core* from_graph, node_id from, graph_core* to_graph, node_id to) {
  if (!from_graph) throw_no_node();
  require_same_graph(from_graph, to_graph);
  from_graph->connect(from, to);
}

void add_way(graph_core* branch_graph, node_id branch, graph_core* to_graph, node_id to) {
  if (!branch_graph) throw_no_node();
  require_same_graph(branch_graph, to_graph);
  branch_graph->connect_way(branch, to);
}

void set_name(graph_core& graph, node_id node, std::string_view name) {
  graph.wishes(node).name = name;
}
void set_lane(graph_core& graph, node_id node, filch::lane where) {
  graph.wishes(node).lane = where;
}
void set_keep(graph_core& graph, node_id node) { graph.wishes(node).keep = true; }
void set_retry(graph_core& graph, node_id node, unsigned more, std::chrono::nanoseconds backoff) {
  auto& w = graph.wishes(node);
  w.retries = more;
  w.backoff = std::max(backoff, std::chrono::nanoseconds(0));
}

std::size_t node_count(const graph_core& graph) noexcept { return graph.size(); }
void check_graph(graph_core& graph) { graph.prepared(); }

void throw_no_node() {
  throw foreign_node(
      "filch: this graph or node handle is empty: it was default-constructed or moved from");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
