#include <algorithm>
#include <queue>
#include <string>
#include <utility>

#include <filch/error.hpp>

#include "graph/graph_core.hpp"
#include "graph/topology.hpp"

// What branches make of a graph: which ways lead onwards and which lead back, and what runs again
// when one leads back. README.md here tells the rules.

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

using edge_lists = std::vector<std::vector<node_id>>;

/// Nodes in an order in which edges lead onwards; shorter than the graph if there is a cycle.
std::vector<node_id> in_order(const edge_lists& next) {
  std::vector<std::uint32_t> before(next.size());
  for (const auto& to : next) {
    for (const node_id t : to) ++before[t];
  }
  std::vector<node_id> order;
  order.reserve(next.size());
  for (node_id i = 0; i < next.size(); ++i) {
    if (before[i] == 0) order.push_back(i);
  }
  for (std::size_t k = 0; k < order.size(); ++k) {
    for (const node_id t : next[order[k]]) {
      if (--before[t] == 0) order.push_back(t);
    }
  }
  return order;
}

std::vector<bool> reached_from(const edge_lists& next, node_id start) {
  std::vector<bool> seen(next.size());
  std::vector<node_id> todo{start};
  seen[start] = true;
  while (!todo.empty()) {
    const node_id at = todo.back();
    todo.pop_back();
    for (const node_id t : next[at]) {
      if (!seen[t]) todo.push_back(t);
      seen[t] = true;
    }
  }
  return seen;
}

edge_lists turned(const edge_lists& next) {
  edge_lists before(next.size());
  for (node_id i = 0; i < next.size(); ++i) {
    for (const node_id t : next[i]) before[t].push_back(i);
  }
  return before;
}

[[noreturn]] void throw_cycle(const graph_core& graph, const edge_lists& next,
                              const std::vector<node_id>& order) {
  std::vector<bool> left(next.size(), true);
  for (const node_id i : order) left[i] = false;
  edge_lists back(next.size());
  node_id at = 0;
  for (node_id i = 0; i < next.size(); ++i) {
    for (const node_id t : next[i]) {
      if (left[i] && left[t]) back[t].push_back(i);
    }
  }
  while (!left[at]) ++at;
  // Every node that is left has one before it that is left, too: going back leads into a cycle.
  std::vector<node_id> path;
  std::vector<bool> seen(next.size());
  for (; !seen[at]; at = back[at].front()) {
    seen[at] = true;
    path.push_back(at);
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::reverse(path.begin(), path.end());
  constexpr std::size_t most_named = 12;
  std::string text;
  for (std::size_t i = 0; i < path.size() && i < most_named; ++i) {
    text += graph.title(path[i]) + " -> ";
  }
  if (path.size() > most_named) text += "... -> ";
  text += graph.title(path.front());
  throw cyclic_graph("filch: these nodes wait for each other, so none can ever run: " + text +
                     "; take an edge away, or let a branch close the loop");
}

edge_lists edges_of(const graph_core& graph) {
  edge_lists next(graph.size());
  for_each_edge(graph, [&](node_id from, node_id to, bool) { next[from].push_back(to); });
  return next;
}

/// Finds loops in a graph whose edges, without the ways of branches, have no cycle.
class flow_search {
 public:
  explicit flow_search(const graph_core& graph) : graph_(graph), next_(edges_of(graph)) {
    const auto order = in_order(next_);
    if (order.size() < graph.size()) throw_cycle(graph, next_, order);
  }

  flow run() {
    sort_ways();
    order_ = in_order(next_);
    before_ = turned(next_);
    for (std::size_t i = 0; i < ways().size(); ++i) {
      if (back_[i]) add_loop(i);
    }
    find_conditional();
    for (const auto& body : out_.loops) check_loop(body);
    return std::move(out_);
  }

 private:
  const std::vector<declared_way>& ways() const { return graph_.ways(); }

  // A way that closes a cycle leads back. Those to nodes that were added later are looked at
  // first: they lead onwards in the program's text, too.
  void sort_ways() {
    back_.assign(ways().size(), false);
    out_.loop_of_way.assign(ways().size(), -1);
    auto all_onwards = next_;
    for (const auto& w : ways()) {
      if (w.to > w.branch) all_onwards[w.branch].push_back(w.to);
    }
    const bool quick = in_order(all_onwards).size() == graph_.size();
    if (quick) next_ = std::move(all_onwards);
    for (const bool later : {true, false}) {
      for (std::size_t i = 0; i < ways().size(); ++i) {
        const auto& w = ways()[i];
        if ((w.to > w.branch) != later || (later && quick)) continue;
        back_[i] = reached_from(next_, w.to)[w.branch];
        if (!back_[i]) next_[w.branch].push_back(w.to);
      }
    }
  }

  void add_loop(std::size_t way) {
    const auto& w = ways()[way];
    const auto after = reached_from(next_, w.to);
    const auto ahead = reached_from(before_, w.branch);
    flow::loop_body body{w.branch, w.to, std::vector<bool>(graph_.size()), {}};
    for (node_id i = 0; i < graph_.size(); ++i) {
      body.inside[i] = after[i] && ahead[i];
      if (body.inside[i]) body.members.push_back(i);
    }
    out_.loop_of_way[way] = static_cast<std::int32_t>(out_.loops.size());
    out_.loops.push_back(std::move(body));
  }

  void find_conditional() {
    out_.conditional.assign(graph_.size(), false);
    for (const auto& w : ways()) out_.conditional[w.to] = true;
    for (const node_id i : order_) {
      if (!out_.conditional[i]) continue;
      for (const node_id t : next_[i]) out_.conditional[t] = true;
    }
  }

  // Whatever follows a part of the loop must not begin before the loop is over, or the next round
  // would overtake it.
  void check_loop(const flow::loop_body& body) const {
    for (std::size_t i = 0; i < ways().size(); ++i) {
      const auto& w = ways()[i];
      if (w.branch != body.branch && body.inside[w.branch] && !body.inside[w.to] && !back_[i]) {
        throw invalid_graph("filch: " + graph_.title(w.branch) + " leads out of the loop that " +
                            graph_.title(body.branch) + " closes, to " + graph_.title(w.to) +
                            "; a loop can only be left by the branch that closes it");
      }
    }
    const auto after = reached_from(next_, body.head);
    std::vector<bool> late(graph_.size());
    for (const node_id v : order_) {
      if (!after[v] || body.inside[v]) continue;
      late[v] = comes_late(body, late, v);
      if (late[v]) continue;
      throw invalid_graph("filch: " + graph_.title(v) + " follows a part of the loop that " +
                          graph_.title(body.branch) +
                          " closes, but may begin before the loop is over; let it precede the "
                          "branch (then it runs in each round), or follow it");
    }
  }
  // A node waits for everything before it, and hears of each way of a branch, chosen or not.
  bool comes_late(const flow::loop_body& body, const std::vector<bool>& late, node_id v) const {
    return std::any_of(before_[v].begin(), before_[v].end(),
                       [&](node_id b) { return b == body.branch || late[b]; });
  }

  const graph_core& graph_;
  edge_lists next_, before_;
  std::vector<node_id> order_;
  std::vector<bool> back_;
  flow out_;
};

}  // namespace

void require_acyclic(const graph_core& graph) {
  // Results come from nodes added before, and no cycle goes onwards for ever.
  const auto goes_back = [](const declared_edge& e) { return e.from >= e.to; };
  if (std::none_of(graph.edges().begin(), graph.edges().end(), goes_back)) return;
  const auto next = edges_of(graph);
  const auto order = in_order(next);
  if (order.size() < graph.size()) throw_cycle(graph, next, order);
}

flow find_flow(const graph_core& graph) { return flow_search(graph).run(); }

}  // namespace detail
}  // namespace v0
}  // namespace filch
