#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// \file
/// Random task graphs, and what they must come to when they are run by hand, one node after the
/// other.

namespace filch_test {

/// One node as random bytes: any sequence of them is a graph, so that it can be made smaller by
/// leaving some out.
struct raw_node {
  std::uint8_t kind = 0;
  std::uint8_t inputs[3] = {};
  std::uint8_t before[2] = {};
  std::uint8_t ways[3] = {};
  std::uint8_t flags = 0;
};

enum class role { value, branch, loop_end, spawner };

struct graph_node {
  role what = role::value;
  std::vector<std::size_t> inputs;  // whose results it uses
  std::vector<std::size_t> before;  // what has to have ended, besides
  std::vector<std::size_t> ways;    // a branch's; a loop_end has one, back to its head
  bool fails = false;               // in its `failing_call`-th call
  int failing_call = 1;
  bool takes = false;  // its first input by value
  bool flaky = false;  // throws once in each activation, and is tried again
  bool on_io = false;
  std::size_t parts = 0;   // a spawner's
  std::size_t rounds = 1;  // a loop_end's
};

using graph_plan = std::vector<graph_node>;

/// Loops are ranges of nodes, one inside the other or one after the other; each is closed by its
/// last node, which all of it precedes.
class plan_maker {
 public:
  explicit plan_maker(const std::vector<raw_node>& raw, bool with_flow = true)
      : raw_(raw), flow_(with_flow), plan_(raw.size()) {
    for (std::size_t i = 0; i < raw.size(); ++i) add(i);
    for (std::size_t i = 0; i < raw.size(); ++i) add_ways(i);
    for (std::size_t i = 0; i < raw.size(); ++i) leave_loops(i);
  }
  graph_plan take() { return std::move(plan_); }

 private:
  struct block {
    std::size_t head, end;
  };

  void add(std::size_t i) {
    const raw_node& r = raw_[i];
    graph_node& n = plan_[i];
    constexpr role kinds[] = {role::value,  role::value,    role::value, role::value,
                              role::branch, role::loop_end, role::value, role::spawner};
    n.what = kinds[r.kind % 8];
    if (!flow_ && (n.what == role::branch || n.what == role::loop_end)) n.what = role::value;
    if (i == 0 && n.what == role::loop_end) n.what = role::value;
    for (std::size_t k = 0; i > 0 && k < r.inputs[0] % 4U && k < 3; ++k) {
      const std::size_t from = i - 1 - r.inputs[k] / 4U % std::min<std::size_t>(i, 12);
      const bool gives = plan_[from].what == role::value || plan_[from].what == role::spawner;
      (gives ? n.inputs : n.before).push_back(from);
    }
    for (std::size_t k = 0; i > 0 && k < r.before[0] % 3U; ++k) {
      n.before.push_back(i - 1 - r.before[k] / 3U % std::min<std::size_t>(i, 12));
    }
    while (n.what != role::value && n.inputs.size() > 1) {
      n.before.push_back(n.inputs.back());
      n.inputs.pop_back();
    }
    n.fails = r.flags % 32 == 1;
    n.failing_call = 1 + r.before[1] % 2;
    n.takes = r.flags % 4 == 2;
    n.flaky = r.flags % 16 == 3;
    n.on_io = r.flags % 32 == 4;
    if (n.what == role::spawner) n.parts = r.ways[0] % 5U;
    if (n.what == role::loop_end) close_loop(i);
  }

  void close_loop(std::size_t i) {
    graph_node& n = plan_[i];
    std::size_t head = i - raw_[i].ways[0] % std::min<std::size_t>(i + 1, 6);
    for (const auto& b : blocks_) {
      if (head > b.head && head <= b.end) head = b.end + 1;
    }
    n.ways = {head};
    n.rounds = 1 + raw_[i].ways[1] % 3U;
    for (std::size_t k = head + 1; k < i; ++k) plan_[k].before.push_back(head);
    for (std::size_t k = head; k < i; ++k) n.before.push_back(k);
    blocks_.push_back({head, i});
  }

  // Onwards, and not out of a loop.
  void add_ways(std::size_t i) {
    if (plan_[i].what != role::branch) return;
    std::size_t last = plan_.size() - 1;
    for (const auto& b : blocks_) {
      if (i >= b.head && i < b.end) last = std::min(last, b.end);
    }
    for (std::size_t k = 0; k < raw_[i].ways[0] % 4U && k < 3 && i < last; ++k) {
      plan_[i].ways.push_back(i + 1 + raw_[i].ways[k] / 4U % std::min<std::size_t>(last - i, 5));
    }
  }

  void leave_loops(std::size_t i) {
    graph_node& n = plan_[i];
    const auto leaves = [&](std::size_t from, const block& b) {
      return from >= b.head && from < b.end && i > b.end;
    };
    for (const auto& b : blocks_) {
      bool any = false;
      for (const auto from : n.inputs) any = any || leaves(from, b);
      for (const auto from : n.before) any = any || leaves(from, b);
      if (any) n.before.push_back(b.end);
    }
  }

  const std::vector<raw_node>& raw_;
  const bool flow_;
  graph_plan plan_;
  std::vector<block> blocks_;
};

enum class fate { waiting, done, failed, skipped, passed };

/// What a graph comes to.
struct graph_answer {
  std::vector<fate> fates;
  std::vector<int> values;
  std::vector<int> calls;  // without those that are tried again
  std::vector<int> parts;  // how often a spawner's parts ran, together
  std::optional<std::size_t> first_failure;
};

inline int mixed(std::size_t node, int call, const std::vector<int>& inputs) {
  std::uint32_t x =
      static_cast<std::uint32_t>(node) * 2654435761U + static_cast<std::uint32_t>(call);
  for (const int v : inputs) x = (x ^ static_cast<std::uint32_t>(v)) * 0x01000193U + 7;
  return static_cast<int>(x >> 4);
}
/// Which way a branch goes in its n-th call; it may be one that does not exist.
inline int way_of(const graph_node& n, std::size_t node, int call, const std::vector<int>& inputs) {
  if (n.what == role::loop_end) return call % static_cast<int>(n.rounds) == 0 ? 1 : 0;
  return static_cast<int>(static_cast<unsigned>(mixed(node, call, inputs)) % (n.ways.size() + 1));
}
inline bool fails_in(const graph_node& n, int call) { return n.fails && call == n.failing_call; }

/// Runs a plan by hand.
class oracle {
 public:
  explicit oracle(const graph_plan& plan) : plan_(plan), ways_(plan.size(), -1) {
    answer_.fates.assign(plan.size(), fate::waiting);
    answer_.values.assign(plan.size(), 0);
    answer_.calls.assign(plan.size(), 0);
    answer_.parts.assign(plan.size(), 0);
  }

  graph_answer run() {
    bool again = false;  // the head of a loop, in a later round
    for (std::size_t i = 0; i < plan_.size();) {
      const auto may = judge(i, again);
      again = false;
      answer_.fates[i] = may == fate::waiting ? call(i) : may;
      if (plan_[i].what == role::loop_end && answer_.fates[i] == fate::done && ways_[i] == 0) {
        i = plan_[i].ways[0];
        again = true;
      } else {
        ++i;
      }
    }
    return answer_;
  }

 private:
  fate judge(std::size_t i, bool again) const {
    bool bad = false, missing = false, alive = again, chosen = again, any_way = false;
    const auto look = [&](std::size_t from, bool data) {
      const fate f = answer_.fates[from];
      bad = bad || f == fate::failed || f == fate::skipped;
      missing = missing || (data && f == fate::passed);
      alive = alive || f == fate::done;
    };
    for (const auto from : plan_[i].inputs) look(from, true);
    for (const auto from : plan_[i].before) look(from, false);
    for (std::size_t b = 0; b < i; ++b) {
      if (plan_[b].what != role::branch) continue;
      for (std::size_t w = 0; w < plan_[b].ways.size(); ++w) {
        if (plan_[b].ways[w] != i) continue;
        any_way = true;
        const fate f = answer_.fates[b];
        bad = bad || f == fate::failed || f == fate::skipped;
        chosen = chosen || (f == fate::done && ways_[b] == static_cast<int>(w));
      }
    }
    if (bad) return fate::skipped;
    if (missing) return fate::passed;
    const bool any_before = !plan_[i].inputs.empty() || !plan_[i].before.empty();
    if (any_way ? !chosen : any_before && !alive) return fate::passed;
    return fate::waiting;
  }

  fate call(std::size_t i) {
    const graph_node& n = plan_[i];
    const int call = ++answer_.calls[i];
    if (fails_in(n, call)) {
      if (!answer_.first_failure || i < *answer_.first_failure) answer_.first_failure = i;
      return fate::failed;
    }
    std::vector<int> inputs;
    for (const auto from : n.inputs) inputs.push_back(answer_.values[from]);
    if (n.what == role::branch || n.what == role::loop_end) {
      ways_[i] = way_of(n, i, call, inputs);
    } else {
      answer_.values[i] = mixed(i, call, inputs);
      answer_.parts[i] += static_cast<int>(n.parts);
    }
    return fate::done;
  }

  const graph_plan& plan_;
  graph_answer answer_;
  std::vector<int> ways_;
};

}  // namespace filch_test
