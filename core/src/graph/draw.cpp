#include <cstdio>
#include <map>
#include <ostream>

#include <filch/error.hpp>

#include "base/new_file.hpp"
#include "base/trace_text.hpp"
#include "graph/graph_core.hpp"
#include "graph/run_core.hpp"
#include "graph/timing.hpp"

// What people look at: drawings for Graphviz, and traces.

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// Text inside a quoted label.
std::string label_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string duration_text(std::chrono::nanoseconds time) {
  const auto ns = static_cast<double>(time.count());
  char text[40];
  if (ns < 1e4) {
    std::snprintf(text, sizeof text, "%.0f ns", ns);
  } else if (ns < 1e7) {
    std::snprintf(text, sizeof text, "%.4g us", ns / 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.4g ms", ns / 1e6);
  }
  return text;
}

const char* color_of(node_state state) {
  switch (state) {
    case node_state::done:
      return "palegreen";
    case node_state::failed:
      return "salmon";
    case node_state::skipped:
      return "lightgray";
    case node_state::passed:
      return "white";
    case node_state::waiting:
      return "lightyellow";
  }
  return "white";
}

/// What is said of a node after a run.
struct node_report {
  std::chrono::nanoseconds time{0};
  std::size_t calls = 0;
  trace_place place;
};

class drawing {
 public:
  drawing(const graph_core& graph, std::ostream& out) : graph_(graph), out_(out) {}

  void draw(const run_core* run) {
    if (run) collect(*run);
    out_ << "digraph filch {\n  node [shape=box];\n";
    for (node_id i = 0; i < graph_.size(); ++i) draw_node(i, run);
    for_each_edge(graph_, [&](node_id from, node_id to, bool data) {
      out_ << "  n" << from << " -> n" << to << (data ? ";\n" : " [arrowhead=empty];\n");
    });
    for (const auto& way : graph_.ways()) {
      out_ << "  n" << way.branch << " -> n" << way.to << " [style=dashed, label=\"" << way.index
           << "\"];\n";
    }
    out_ << "}\n";
  }

 private:
  void collect(const run_core& run) {
    const auto* times = run.times();
    if (!times) return;
    for (const auto& c : times->calls()) {
      auto& r = reports_[c.node];
      r.time += c.end - c.begin;
      r.place = c.place;
      ++r.calls;
    }
  }

  void draw_node(node_id i, const run_core* run) {
    const auto* wish = graph_.wishes_of(i);
    const auto kind = graph_.at(i).type->kind;
    out_ << "  n" << i << " [label=\"";
    out_ << (wish && !wish->name.empty() ? label_text(wish->name) : std::to_string(i));
    if (const auto r = reports_.find(i); r != reports_.end()) {
      out_ << "\\n" << duration_text(r->second.time) << ", " << name_of(r->second.place);
      if (r->second.calls > 1) out_ << ", " << r->second.calls << " times";
    }
    out_ << '"';
    if (kind == node_kind::branch) out_ << ", shape=diamond";
    if (kind == node_kind::composed) out_ << ", shape=box3d";
    if (run) out_ << ", style=filled, fillcolor=" << color_of(run->state(i));
    out_ << "];\n";
  }

  const graph_core& graph_;
  std::ostream& out_;
  std::map<node_id, node_report> reports_;
};

const run_times& times_of(const run_core& run) {
  if (const auto* times = run.times()) return *times;
  throw not_traced(
      "filch: this run has kept no times; begin it with pool.with({.trace = true}).run(g)");
}

}  // namespace

void draw_graph(graph_core& graph, std::ostream& out) { drawing(graph, out).draw(nullptr); }
void draw_run(run_core& run, std::ostream& out) { drawing(run.graph(), out).draw(&run); }

run_timing timing_of(run_core& run) { return times_of(run).timing(run.shape()); }

void write_trace(run_core& run, const std::string& path) {
  const auto& times = times_of(run);
  write_new_file(path, trace_json(times.events(run.graph()), times.left_out()));
}

}  // namespace detail

std::string run_timing::describe() const {
  using detail::duration_text;
  char parallel[40];
  std::snprintf(parallel, sizeof parallel, "%.2g", parallelism());
  return "work " + duration_text(work) + " in " + duration_text(wall) +
         "; this graph cannot be faster than " + duration_text(span) +
         " on any number of cores; average parallelism " + parallel;
}

}  // namespace v0
}  // namespace filch
