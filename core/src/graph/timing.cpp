#include "graph/timing.hpp"

#include <algorithm>

#include "graph/graph_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

void run_times::add(const node_time& call) noexcept {
  std::lock_guard lock(lock_);
  try {
    if (calls_.size() < most) {
      calls_.push_back(call);
      return;
    }
  } catch (const std::bad_alloc&) {  // a trace is not worth a failure
  }
  ++left_out_;
}

void run_times::add_inside(node_id node, std::chrono::nanoseconds work,
                           std::chrono::nanoseconds span) noexcept {
  std::lock_guard lock(lock_);
  try {
    inside_.push_back({node, work, span});
  } catch (const std::bad_alloc&) {
    ++left_out_;
  }
}

void run_times::add_events(const std::vector<trace_event>& events) noexcept {
  std::lock_guard lock(lock_);
  try {
    events_.insert(events_.end(), events.begin(), events.end());
  } catch (const std::bad_alloc&) {
    left_out_ += events.size();
  }
}

std::vector<node_time> run_times::calls() const {
  std::lock_guard lock(lock_);
  return calls_;
}

std::size_t run_times::left_out() const {
  std::lock_guard lock(lock_);
  return left_out_;
}

namespace {
struct edges_before {
  std::vector<std::uint32_t> first;
  std::vector<node_id> nodes;
};
edges_before before(const topology& shape) {
  edges_before out;
  out.first.resize(shape.size() + 2);
  const auto each = [&shape](auto f) {
    for (node_id from = 0; from < shape.size(); ++from) {
      for (auto k = shape.nodes[from].first; k < shape.nodes[from + 1].first; ++k) {
        f(from, shape.successors[k].to());
      }
      for (const auto& way : shape.details[shape.nodes[from].detail].ways) f(from, way.to);
    }
  };
  each([&](node_id, node_id to) { ++out.first[to + 2]; });
  for (std::size_t i = 2; i < out.first.size(); ++i) out.first[i] += out.first[i - 1];
  out.nodes.resize(out.first.back());
  each([&](node_id from, node_id to) { out.nodes[out.first[to + 1]++] = from; });
  return out;
}
}  // namespace

// In the order in which the calls began, what ended before a call is known when it is looked at;
// in a loop the latest call of a node counts, so that rounds add up.
run_timing run_times::timing(const topology& shape) const {
  std::unique_lock lock(lock_);
  auto calls = calls_;
  auto extra = inside_;
  lock.unlock();
  run_timing out;
  if (calls.empty()) return out;
  std::sort(calls.begin(), calls.end(), [](const node_time& a, const node_time& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::sort(extra.begin(), extra.end(),
            [](const inside& a, const inside& b) { return a.node < b.node; });
  const auto preds = before(shape);
  std::vector<std::chrono::nanoseconds> until(shape.size());
  auto end = calls.front().end;
  for (const auto& c : calls) {
    std::chrono::nanoseconds ready{0};
    for (auto k = preds.first[c.node]; k < preds.first[c.node + 1]; ++k) {
      ready = std::max(ready, until[preds.nodes[k]]);
    }
    std::chrono::nanoseconds work = c.end - c.begin, span = work;
    const auto more =
        std::equal_range(extra.begin(), extra.end(), inside{c.node, {}, {}},
                         [](const inside& a, const inside& b) { return a.node < b.node; });
    for (auto x = more.first; x != more.second; ++x) {
      work += std::exchange(x->work, {});
      span += std::exchange(x->span, {});
    }
    out.work += work;
    until[c.node] = ready + span;
    out.span = std::max(out.span, until[c.node]);
    end = std::max(end, c.end);
  }
  out.wall = end - calls.front().begin;
  return out;
}

std::vector<trace_event> run_times::events(const graph_core& graph) const {
  std::lock_guard lock(lock_);
  auto out = events_;
  for (const auto& c : calls_) {
    const auto* wish = graph.wishes_of(c.node);
    out.push_back({wish && !wish->name.empty() ? wish->name : "node " + std::to_string(c.node),
                   "node", c.place, c.begin, c.end});
  }
  return out;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
