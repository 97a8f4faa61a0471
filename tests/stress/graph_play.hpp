#pragma once

#include <atomic>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>
#include <filch/subgraph.hpp>

#include "random_graph.hpp"
#include "support/counted.hpp"

/// \file
/// A plan as a filch::graph, and whether a run of it comes to what the oracle says.

namespace filch_test {

class node_failure : public std::runtime_error {
 public:
  explicit node_failure(std::size_t node) : std::runtime_error(std::to_string(node)) {}
};
class try_again : public std::runtime_error {
 public:
  try_again() : std::runtime_error("once more") {}
};

class graph_play {
 public:
  explicit graph_play(graph_plan plan)
      : plan_(std::move(plan)), calls_(plan_.size()), tries_(plan_.size()), parts_(plan_.size()) {
    for (std::size_t i = 0; i < plan_.size(); ++i) add(i);
    for (std::size_t i = 0; i < plan_.size(); ++i) connect(i);
  }
  graph_play(const graph_play&) = delete;
  graph_play& operator=(const graph_play&) = delete;

  filch::graph& graph() { return graph_; }

  /// Runs it; says what is wrong, or nothing.
  std::string run(const filch::pool& pool) {
    reset();
    const auto expected = oracle(plan_).run();
    auto run = pool.run(graph_);
    std::string wrong = verdict(run, expected);
    for (std::size_t i = 0; i < plan_.size(); ++i) wrong += compare(run, expected, i);
    const auto p = run.progress();
    if (p.done + p.failed + p.skipped != plan_.size() || p.running != 0) {
      wrong += "progress does not add up\n";
    }
    if (!wrong.empty()) wrong += dot(run);
    return wrong;
  }

  /// Runs it and cancels it soon; says what is wrong, or nothing.
  std::string run_and_cancel(const filch::pool& pool, int pause) {
    reset();
    const auto expected = oracle(plan_).run();
    auto run = pool.run(graph_);
    std::atomic<int> spun{0};
    while (spun.fetch_add(1) < pause) {
    }
    run.cancel();
    run.wait();
    std::string wrong;
    bool all = true;
    for (std::size_t i = 0; i < plan_.size(); ++i) {
      all = all && run.state(nodes_[i]) != filch::node_state::skipped;
      if (calls_[i] > expected.calls[i]) wrong += title(i) + "was called too often\n";
    }
    try {
      run.get();
      if (!all) wrong += "nodes were left out and nobody says so\n";
    } catch (const filch::cancelled&) {
    } catch (const node_failure&) {
    } catch (const try_again&) {
    }
    const auto p = run.progress();
    if (p.done + p.failed + p.skipped != plan_.size()) wrong += "progress does not add up\n";
    return wrong;
  }

 private:
  using result = filch::node<counted>;

  void reset() {
    calls_.assign(plan_.size(), 0);
    tries_.assign(plan_.size(), 0);
    for (auto& p : parts_) p = 0;
  }

  // In a node's own call; the cells are plain, so that ThreadSanitizer sees what is not ordered.
  int enter(std::size_t i) {
    const graph_node& n = plan_[i];
    if (n.flaky && ++tries_[i] % 2 == 1) throw try_again();
    const int call = ++calls_[i];
    if (fails_in(n, call)) throw node_failure(i);
    return call;
  }
  counted value(std::size_t i, const std::vector<int>& inputs) {
    return counted(mixed(i, enter(i), inputs));
  }
  int way(std::size_t i, const std::vector<int>& inputs) {
    return way_of(plan_[i], i, enter(i), inputs);
  }
  counted spawn(filch::subgraph& s, std::size_t i, const std::vector<int>& inputs) {
    const int out = mixed(i, enter(i), inputs);
    for (std::size_t k = 0; k < plan_[i].parts; ++k) s.add([this, i] { ++parts_[i]; });
    return counted(out);
  }

  const result& input(std::size_t i, std::size_t k) const { return results_[plan_[i].inputs[k]]; }

  void add(std::size_t i) {
    results_.emplace_back();
    const graph_node& n = plan_[i];
    switch (n.what) {
      case role::value:
        results_[i] = add_value(i);
        break;
      case role::spawner:
        results_[i] = add_spawner(i);
        break;
      case role::branch:
      case role::loop_end:
        branches_.resize(i);
        branches_.push_back(add_branch(i));
    }
    branches_.resize(i + 1);
    if (n.what == role::value || n.what == role::spawner) {
      nodes_.push_back(results_[i]);
    } else {
      nodes_.push_back(branches_[i]);
    }
  }
  result add_value(std::size_t i) {
    const bool takes = plan_[i].takes;
    result r;
    switch (plan_[i].inputs.size()) {
      case 0:
        r = graph_.add([this, i] { return value(i, {}); });
        break;
      case 1:
        r = takes ? graph_.add([this, i](counted a) { return value(i, {a.value}); }, input(i, 0))
                  : graph_.add([this, i](const counted& a) { return value(i, {a.value}); },
                               input(i, 0));
        break;
      case 2:
        r = takes ? graph_.add([this, i](counted&& a,
                                         const counted& b) { return value(i, {a.value, b.value}); },
                               input(i, 0), input(i, 1))
                  : graph_.add([this, i](const counted& a,
                                         const counted& b) { return value(i, {a.value, b.value}); },
                               input(i, 0), input(i, 1));
        break;
      default:
        r = graph_.add(
            [this, i](counted a, const counted& b, const counted& c) {
              return value(i, {a.value, b.value, c.value});
            },
            input(i, 0), input(i, 1), input(i, 2));
    }
    if (plan_[i].flaky) r.retry(1);
    if (plan_[i].on_io) r.lane(filch::lane::io);
    return r;
  }
  result add_spawner(std::size_t i) {
    result r = plan_[i].inputs.empty()
                   ? graph_.add([this, i](filch::subgraph& s) { return spawn(s, i, {}); })
                   : graph_.add([this, i](filch::subgraph& s,
                                          const counted& a) { return spawn(s, i, {a.value}); },
                                input(i, 0));
    if (plan_[i].flaky) r.retry(1);
    return r;
  }
  filch::branch_node add_branch(std::size_t i) {
    auto b =
        plan_[i].inputs.empty()
            ? graph_.branch([this, i] { return way(i, {}); })
            : graph_.branch([this, i](const counted& a) { return way(i, {a.value}); }, input(i, 0));
    if (plan_[i].flaky) b.retry(1);
    return b;
  }
  void connect(std::size_t i) {
    for (const auto from : plan_[i].before) {
      filch::detail::add_edge(nodes_[from].owner(), nodes_[from].id(), nodes_[i].owner(),
                              nodes_[i].id());
    }
    for (const auto to : plan_[i].ways) branches_[i].to(nodes_[to]);
  }

  std::string title(std::size_t i) const { return "node " + std::to_string(i) + " "; }
  std::string dot(const filch::graph_run& run) const {
    std::ostringstream out;
    run.dot(out);
    return out.str();
  }

  std::string verdict(filch::graph_run& run, const graph_answer& expected) const {
    try {
      run.get();
      return expected.first_failure ? "no failure was reported\n" : "";
    } catch (const node_failure& e) {
      if (expected.first_failure && std::to_string(*expected.first_failure) == e.what()) return "";
      return std::string("the failure of node ") + e.what() + " was reported\n";
    } catch (const std::exception& e) {
      return std::string("the run threw ") + e.what() + "\n";
    }
  }
  std::string compare(filch::graph_run& run, const graph_answer& expected, std::size_t i) {
    const auto have = static_cast<int>(run.state(nodes_[i]));
    const auto want = static_cast<int>(expected.fates[i]);
    if (have != want) {
      return title(i) + "came to " + std::to_string(have) + ", not " + std::to_string(want) + "\n";
    }
    std::string wrong;
    if (calls_[i] != expected.calls[i]) {
      wrong += title(i) + "was called " + std::to_string(calls_[i]) + " times, not " +
               std::to_string(expected.calls[i]) + "\n";
    }
    if (parts_[i] != expected.parts[i]) wrong += title(i) + "had another number of parts\n";
    const bool gives = plan_[i].what == role::value || plan_[i].what == role::spawner;
    if (!gives || expected.fates[i] != fate::done) return wrong;
    try {
      if (run.get(results_[i]).value != expected.values[i]) wrong += title(i) + "is wrong\n";
    } catch (const filch::result_moved&) {
      if (!is_taken(i)) wrong += title(i) + "was moved, though nobody takes it\n";
    }
    return wrong;
  }
  bool is_taken(std::size_t i) const {
    for (const auto& n : plan_) {
      const bool by_value = n.takes || n.inputs.size() == 3;
      if (by_value && !n.inputs.empty() && n.inputs[0] == i) return true;
    }
    return false;
  }

  const graph_plan plan_;
  filch::graph graph_;
  std::vector<filch::any_node> nodes_;
  std::vector<result> results_;
  std::vector<filch::branch_node> branches_;
  std::vector<int> calls_, tries_;
  std::vector<std::atomic<int>> parts_;
};

}  // namespace filch_test
