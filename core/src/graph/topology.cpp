#include "graph/topology.hpp"

#include <algorithm>
#include <span>

#include <filch/error.hpp>

#include "graph/graph_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// Makes the flat form of a graph, step by step.
class preparation {
 public:
  explicit preparation(const graph_core& graph) : graph_(graph), n_(graph.size()) {
    out_.nodes.reserve(n_ + 1);
    out_.details.emplace_back();
  }

  std::shared_ptr<const topology> run() {
    if (graph_.ways().empty()) {
      require_acyclic(graph_);
    } else {
      flow_ = find_flow(graph_);
    }
    copy_nodes();
    count_other_edges();
    find_places();
    fill_edges();
    add_details();
    add_ways();
    add_loops();
    if (graph_.takes_values()) decide_moves();
    return std::make_shared<const topology>(std::move(out_));
  }

 private:
  // Each edge is counted at both of its ends. A node comes after those whose results it uses, so
  // they have been copied already.
  void copy_nodes() {
    std::size_t offset = 0;
    for (node_id i = 0; i < n_; ++i) {
      const auto& from = graph_.at(i);
      out_.nodes.push_back({from.type->call, from.closure, 0, 0, 0, false});
      for (const node_input& in : inputs_of(from)) count(in.from, i);
      if (from.type->end_value) out_.with_end.push_back({i, from.type->end_value});
      if (from.type->value_size > 0) {
        const std::size_t align = from.type->value_align;
        offset = (offset + align - 1) / align * align;
        out_.large.push_back({i, offset});
        offset += from.type->value_size;
        out_.large_align = std::max(out_.large_align, align);
      }
      if (from.type->kind != node_kind::plain) details_of(i).kind = from.type->kind;
    }
    out_.nodes.push_back({});
    out_.large_size = offset;
  }

  void count_other_edges() {
    for (const auto& e : graph_.edges()) count(e.from, e.to);
    for (std::size_t i = 0; i < graph_.ways().size(); ++i) {
      if (flow_.loop_of_way[i] < 0) ++out_.nodes[graph_.ways()[i].to].need;
    }
  }

  void count(node_id from, node_id to) noexcept {
    if (!counts(from, to)) return;
    ++out_.nodes[from].first;
    ++out_.nodes[to].need;
  }
  bool counts(node_id from, node_id to) const noexcept {
    return flow_.loops.empty() || !flow_.leaves_loop(from, to);
  }

  // The successors of a node lie together: `first` is their number now, and then where they end.
  void find_places() {
    std::size_t sum = 0;
    for (node_id i = 0; i <= n_; ++i) {
      auto& node = out_.nodes[i];
      sum += node.first;
      node.first = static_cast<std::uint32_t>(sum);
      if (node.need == 0 && i < n_) out_.sources.push_back(i);
    }
    if (sum >= successor::most_nodes) {
      throw invalid_graph("filch: a graph has at most 2^30 edges; compose it of several");
    }
    out_.successors.resize(sum);
  }

  // Backwards, so that each node's successors come in the order of addition and `first` ends where
  // they begin.
  void fill_edges() noexcept {
    const auto& others = graph_.edges();
    for (std::size_t k = others.size(); k-- > 0;) put(others[k].from, others[k].to, 0);
    for (node_id to = static_cast<node_id>(n_); to-- > 0;) {
      const auto in = inputs_of(graph_.at(to));
      for (std::size_t k = in.size(); k-- > 0;) put(in[k].from, to, successor::data_bit);
    }
  }
  void put(node_id from, node_id to, std::uint32_t uses) noexcept {
    if (!counts(from, to)) return;
    const auto only = out_.nodes[to].need == 1 ? successor::only_bit : 0U;
    out_.successors[--out_.nodes[from].first].word = to | only | uses;
  }

  node_details& details_of(node_id node) {
    auto& at = out_.nodes[node].detail;
    if (at == 0) {
      at = static_cast<std::uint32_t>(out_.details.size());
      out_.details.emplace_back();
    }
    return out_.details[at];
  }

  void add_details() {
    for (const auto& [node, wish] : graph_.all_wishes()) {
      if (node >= n_) continue;
      if (wish.name.empty() && wish.lane == lane::cpu && wish.retries == 0) continue;
      auto& d = details_of(node);
      d.name = wish.name;
      d.lane = wish.lane;
      d.retries = wish.retries;
      d.backoff = wish.backoff;
    }
  }

  void add_ways() {
    for (std::size_t i = 0; i < graph_.ways().size(); ++i) {
      const auto& way = graph_.ways()[i];
      details_of(way.branch).ways.push_back({way.index, way.to, flow_.loop_of_way[i]});
      if (flow_.loop_of_way[i] < 0) details_of(way.to).has_choice = true;
    }
    if (graph_.ways().empty()) return;
    for (node_id i = 0; i < n_; ++i) {
      const bool in_loop = flow_.in_loop(i);
      if (!flow_.conditional[i] && !in_loop) continue;
      auto& d = details_of(i);
      d.conditional = flow_.conditional[i];
      d.in_loop = in_loop;
    }
    for_each_edge(graph_, [&](node_id from, node_id to, bool data) {
      if (!counts(from, to)) {
        details_of(to).out_of_loops.push_back({from, data});
      } else if (flow_.conditional[to]) {
        out_.nodes[from].tells = true;
      }
      if (flow_.conditional[to]) details_of(to).has_before = true;
    });
  }

  void add_loops() {
    for (const auto& body : flow_.loops) {
      prepared_loop loop{body.branch, body.head, {}, {}, {}};
      for (const node_id node : body.members) loop.members.push_back({node, 0});
      const auto member = [&](node_id node) -> loop_member& {
        return *std::lower_bound(loop.members.begin(), loop.members.end(), node,
                                 [](const loop_member& m, node_id id) { return m.node < id; });
      };
      for_each_edge(graph_, [&](node_id from, node_id to, bool data) {
        if (!body.inside[to] || !counts(from, to)) return;
        if (body.inside[from]) {
          ++member(to).left;
        } else {
          loop.edges.push_back({from, to, data});
        }
      });
      for (std::size_t i = 0; i < graph_.ways().size(); ++i) {
        const auto& way = graph_.ways()[i];
        if (flow_.loop_of_way[i] >= 0 || !body.inside[way.to]) continue;
        if (body.inside[way.branch]) {
          ++member(way.to).left;
        } else {
          loop.ways.push_back({way.branch, way.to, way.index});
        }
      }
      out_.loops.push_back(std::move(loop));
    }
  }

  // A value is moved only where nobody else can ever need it.
  void decide_moves() {
    std::vector<std::uint32_t> users(n_);
    for_each_edge(graph_, [&](node_id from, node_id, bool data) { users[from] += data ? 1 : 0; });
    for (node_id to = 0; to < n_; ++to) {
      const auto& node = graph_.at(to);
      if (node.type->input_count == 0) continue;
      const auto in = inputs_of(node);
      for (std::size_t i = 0; i < in.size(); ++i) {
        const taking how = node.type->takings[i];
        const char* const why_not = how == taking::shared ? "" : why_kept(in[i].from, to, users);
        in[i].moves = !why_not;
        if (how == taking::only_moved && why_not) refuse_move(in[i].from, to, why_not);
      }
    }
  }
  const char* why_kept(node_id from, node_id to, const std::vector<std::uint32_t>& users) const {
    if (users[from] > 1) return "another node uses it, too";
    const auto* giver = graph_.wishes_of(from);
    if (giver && giver->keep) return "it is to be kept";
    const auto* taker = graph_.wishes_of(to);
    if (taker && taker->retries > 0) return "a retry may need it again";
    if (!flow_.loops.empty() && flow_.in_loop(to)) return "a loop may need it again";
    return nullptr;
  }
  [[noreturn]] void refuse_move(node_id from, node_id to, const char* why) const {
    throw invalid_graph("filch: " + graph_.title(to) + " takes the result of " +
                        graph_.title(from) + " by value, which can only be moved, but " + why +
                        "; let its callable take it as a const reference");
  }

  const graph_core& graph_;
  const std::size_t n_;
  flow flow_;
  topology out_;
};

}  // namespace

std::shared_ptr<const topology> prepare(const graph_core& graph) {
  return preparation(graph).run();
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
