#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/free_verbs.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/graph.hpp>

/// \file
/// Running a graph: `pool.run(g)`.

namespace filch {
inline namespace v0 {

/// One run of a graph, and its results. Move-only, like a future: its end neither waits nor
/// cancels; an error nobody has read goes to the pool's `on_unhandled`.
/// Threads: one at a time, but `cancel`, `progress` and `state` may be called by any at any time.
class graph_run {
 public:
  /// No run; using it throws `no_result`.
  graph_run() noexcept = default;
  /// \private For filch's own verbs.
  explicit graph_run(detail::run_core* core) noexcept : core_(core) {}
  /// Takes the run over.
  graph_run(graph_run&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  /// Exchanges the two.
  graph_run& operator=(graph_run&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~graph_run() {
    if (core_) detail::drop_run(core_);
  }

  /// Blocks until the run has ended, by the waiting rules: the caller may run this run's nodes.
  /// Throws: `would_deadlock` in a node of the same run. Not what nodes have thrown: `get` does.
  void wait() const { detail::wait_run(core()); }
  /// Blocks at most so long, runs nothing meanwhile; true if the run has ended.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> limit) const {
    return detail::wait_run_until(core(), detail::deadline_after(limit));
  }
  /// True if the run has ended.
  bool ready() const { return detail::run_ended(core()); }

  /// Waits. Throws what the run has come to: under `errors::serial` (the default) what the failed
  /// node that was added first has thrown, under `errors::first` the first in time, under
  /// `errors::collect` an `errors_list` whose indices are the nodes' numbers; `cancelled` or
  /// `timed_out` if a stop kept nodes from running.
  void get() const {
    wait();
    if (auto error = detail::verdict_of(core())) std::rethrow_exception(std::move(error));
  }
  /// Waits for the whole run and returns the node's result, which the run keeps until its end.
  /// Throws: what the node threw; for a node that did not run because of another one's failure
  /// what `get()` throws; `node_skipped` if no branch has chosen it; `result_moved` if the result
  /// was moved to the only node that uses it, or taken.
  template <class T>
  std::add_lvalue_reference_t<T> get(const node<T>& of) const& {
    wait();
    auto& at = detail::result_node(core(), of.owner(), of.id());
    if constexpr (std::is_reference_v<T>) {
      return **detail::value_place<detail::stored<T>>(at);
    } else if constexpr (!std::is_void_v<T>) {
      return *detail::value_place<T>(at);
    }
  }
  /// As above, of a run that ends with the expression: the result is moved out.
  template <class T>
  T get(const node<T>& of) && {
    return take(of);
  }
  /// As `get`, and moves the result out.
  template <class T>
  T take(const node<T>& of) const {
    wait();
    auto& at = detail::result_node(core(), of.owner(), of.id());
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(**detail::value_place<detail::stored<T>>(at));
    } else if constexpr (!std::is_void_v<T>) {
      // order: [relaxed: the handle's own thread]
      at.moved.store(true, std::memory_order_relaxed);
      return std::move(*detail::value_place<T>(at));
    }
  }

  /// Asks it to stop: nodes that have not begun never run; running ones see their stop token.
  void cancel() const { detail::cancel_run(core()); }
  /// How far it has come so far; does not wait.
  run_progress progress() const { return detail::progress_of(core()); }
  /// What has become of a node so far. Throws: `foreign_node`.
  node_state state(const any_node& of) const {
    return detail::state_of(core(), of.owner(), of.id());
  }
  /// Draws the graph as `graph::dot` does, with what became of each node; of a traced run with its
  /// time and where it ran. Waits.
  void dot(std::ostream& out) const {
    wait();
    detail::draw_run(core(), out);
  }
  /// Work, span and parallelism of a run that was begun with `.trace = true`. Waits.
  /// Throws: `not_traced`.
  run_timing timing() const {
    wait();
    return detail::timing_of(core());
  }
  /// Writes what ran where and when, as Chrome's and Perfetto's trace viewers read it. Waits.
  /// Throws: `not_traced`; `file_error`, also if the file exists.
  void trace(const std::string& path) const {
    wait();
    detail::write_trace(core(), path);
  }
  /// Calls `f()` once when the run has ended, on the thread that ends it; at once, here, if it has.
  /// What it throws goes to `on_unhandled`.
  template <class F>
  const graph_run& on_done(F&& f) const {
    detail::call_when_ended(core(), std::forward<F>(f));
    return *this;
  }

 private:
  detail::run_core& core() const {
    if (!core_) detail::throw_no_run();
    return *core_;
  }
  detail::run_core* core_ = nullptr;
};

/// `run` for pools and views.
template <class Self>
class graph_verbs {
 public:
  /// Begins a run of the graph and returns its handle; the run goes on by itself.
  /// Options: `.errors` (serial: what depends on a failed node does not run; first: nothing does
  /// that has not begun; collect: as serial, and all errors are kept), `.stop`, `.timeout`,
  /// `.name`, `.on_progress`.
  /// Throws: `graph_busy` if it runs already and a callable of it cannot be shared;
  /// `cyclic_graph`, `invalid_graph`; `pool_closed`, `forked_pool`.
  /// Cost: the first run prepares the graph, O(nodes + edges), and allocates the room for its
  /// results; later runs allocate nothing.
  graph_run run(const graph& g) const { return begin(g, {}); }
  /// Runs it `n` times, one after the other; results are those of the last time. A failure ends it.
  graph_run run_n(const graph& g, std::size_t n) const { return begin(g, {n, {}}); }
  /// Runs it again and again, at least once, until `enough()` says true after a round.
  template <class Enough>
  graph_run run_until(const graph& g, Enough&& enough) const {
    return begin(g, {static_cast<std::size_t>(-1), std::forward<Enough>(enough)});
  }

 private:
  graph_run begin(const graph& g, detail::rounds how_often) const {
    const auto bound = static_cast<const Self&>(*this).bound();
    return graph_run(detail::begin_run(bound.core, g.core(), bound.options, std::move(how_often)));
  }
};

namespace detail {
struct run_graph_fn {
  graph_run operator()(const graph& g) const { return current_verbs<graph_verbs>().run(g); }
};
}  // namespace detail

/// Begins a run on the pool of the running job, else on the default pool.
inline constexpr detail::run_graph_fn run_graph{};

}  // namespace v0
}  // namespace filch
