#pragma once

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>

/// \file
/// Graphs that nodes make while they run.

namespace filch {
inline namespace v0 {

/// What a node's callable gets that takes a `filch::subgraph&` in front: an empty graph of its own,
/// which runs when the callable has returned.
///
///     g.add([](filch::subgraph& s, const std::vector<part>& parts) {
///       for (const auto& p : parts) s.add([&p] { work(p); });
///     }, parts);
///
/// The node counts as done when the subgraph is; a failure in it is the node's. Its callables may
/// refer to the results the node depends on, but not to local variables of the node's callable.
class subgraph : public graph {
 public:
  /// Does not hold up the node: it is done when its callable returns, and the run waits for the
  /// subgraph at its end. A failure in it is one of the run.
  void detach() noexcept { detached_ = true; }
  /// True after `detach()`.
  bool detached() const noexcept { return detached_; }

  /// Runs the subgraph now and waits for it, by the waiting rules; gives its results.
  /// Throws: what a node of it has thrown; see `graph_run::get`.
  graph_run join() {
    auto run = detail::current_verbs<graph_verbs>().run(*this);
    run.get();
    joined_ = true;
    return run;
  }
  /// True after `join()`, which leaves nothing to run.
  bool joined() const noexcept { return joined_; }

 private:
  bool detached_ = false;
  bool joined_ = false;
};

}  // namespace v0
}  // namespace filch
