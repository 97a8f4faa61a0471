#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <iosfwd>
#include <string_view>
#include <type_traits>
#include <utility>

#include <filch/detail/graph_call.hpp>
#include <filch/detail/graph_core.hpp>
#include <filch/error.hpp>
#include <filch/options.hpp>

/// \file
/// Task graphs: jobs that are declared first, with what each needs of the others, and run later, as
/// often as wanted.
///
///     filch::graph g;
///     auto image = g.add([] { return load("a.png"); }).name("load");
///     auto small = g.add(shrink, image);  // gets the image
///     auto edges = g.add(sobel, image);
///     auto out = g.add(merge, small, edges);
///     auto run = pool.run(g);
///     save(run.get(out));

namespace filch {
inline namespace v0 {

class graph;

/// A handle of a node, whatever it gives: its place in time. Cheap to copy; valid as long as its
/// graph.
class any_node {
 public:
  /// No node; using it throws `foreign_node`.
  any_node() noexcept = default;

  /// \private For filch's own templates.
  any_node(detail::graph_core* graph, detail::node_id id) noexcept : graph_(graph), id_(id) {}
  /// \private
  detail::graph_core* owner() const noexcept { return graph_; }
  /// \private
  detail::graph_core& owned_by() const {
    if (!graph_) detail::throw_no_node();
    return *graph_;
  }
  /// \private
  detail::node_id id() const noexcept { return id_; }

 private:
  detail::graph_core* graph_ = nullptr;
  detail::node_id id_ = 0;
};

/// What all handles of nodes can do; each returns the handle, so that calls can be chained.
template <class Self>
class node_calls : public any_node {
 public:
  using any_node::any_node;

  /// Runs before each of `later`. Throws: `graph_busy`, `foreign_node`.
  template <std::derived_from<any_node>... N>
  Self precede(const N&... later) const {
    (detail::add_edge(this->owner(), this->id(), later.owner(), later.id()), ...);
    return self();
  }
  /// Runs after each of `earlier`.
  template <std::derived_from<any_node>... N>
  Self succeed(const N&... earlier) const {
    (detail::add_edge(earlier.owner(), earlier.id(), this->owner(), this->id()), ...);
    return self();
  }
  /// A name for errors, drawings and traces, and for `this_job::name()`.
  Self name(std::string_view text) const {
    detail::set_name(owned_by(), id(), text);
    return self();
  }
  /// Where it runs; `lane::io` for a node that blocks.
  Self lane(filch::lane where) const {
    detail::set_lane(owned_by(), id(), where);
    return self();
  }
  /// Its result stays with the run, for `get`: nobody may move it away.
  Self keep() const {
    detail::set_keep(owned_by(), id());
    return self();
  }
  /// Runs it again, up to `times` times, if it throws; before the k-th time again it waits
  /// 2^(k-1) times `backoff`, at most an hour. A `cancelled` that obeys a stop is not retried.
  Self retry(unsigned times, std::chrono::nanoseconds backoff = std::chrono::nanoseconds(0)) const {
    detail::set_retry(owned_by(), id(), times, backoff);
    return self();
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

/// A node that gives a T (or nothing, for void).
template <class T>
class node : public node_calls<node<T>> {
 public:
  using value_type = T;
  using node_calls<node<T>>::node_calls;
};

/// A node that decides which way the run goes on.
class branch_node : public node_calls<branch_node> {
 public:
  using value_type = void;
  using node_calls<branch_node>::node_calls;

  /// The ways: the callable's 0 chooses the first of `ways`, 1 the second, ...; of a callable that
  /// returns bool, true the first and false the second. A number without a way chooses none. A way
  /// that leads back makes a loop: everything between runs again. May be called again for more.
  template <std::derived_from<any_node>... N>
  branch_node to(const N&... ways) const {
    (detail::add_way(this->owner(), this->id(), ways.owner(), ways.id()), ...);
    return *this;
  }
};

namespace detail {

template <class D>
concept node_handle = std::derived_from<D, any_node> && requires { typename D::value_type; };

/// The closure for a callable and the results among its dependencies: void gives no argument.
template <node_kind Kind, class F, class Done, class... D>
struct closure_for;
template <node_kind Kind, class F, class... T>
struct closure_for<Kind, F, type_list<T...>> {
  using type = node_closure<Kind, F, T...>;
};
template <node_kind Kind, class F, class... T, class D, class... More>
struct closure_for<Kind, F, type_list<T...>, D, More...>
    : closure_for<Kind, F,
                  std::conditional_t<std::is_void_v<typename D::value_type>, type_list<T...>,
                                     type_list<T..., typename D::value_type>>,
                  More...> {};

template <node_kind Kind, class F, class... D>
using closure_of = typename closure_for<Kind, std::decay_t<F>, type_list<>, D...>::type;

template <class D>
void connect_input(graph_core& graph, node_id to, node_input*& inputs, const D& from) {
  if constexpr (std::is_void_v<typename D::value_type>) {
    add_edge(from.owner(), from.id(), &graph, to);
  } else {
    inputs++->from = from.id();
  }
}

/// Adds a node to the graph and connects it with what it depends on.
template <node_kind Kind, class F, class... D>
node_id add_to(graph_core& graph, F&& f, const D&... deps) {
  using closure = closure_of<Kind, F, D...>;
  (require_same_graph(&graph, deps.owner()), ...);
  const auto made = add_node(graph, closure::type, sizeof(closure), alignof(closure));
  try {
    auto* const c = ::new (made.closure) closure(std::forward<F>(f));
    if constexpr (sizeof...(D) > 0) {
      [[maybe_unused]] node_input* inputs = c->inputs.data();
      (connect_input(graph, made.id, inputs, deps), ...);
    }
  } catch (...) {
    forget_node(graph);
    throw;
  }
  return made.id;
}

/// A node that stands for a graph, and takes one result over from its run.
template <class T>
struct composed_closure : composed {
  static constexpr bool has_end = !std::is_void_v<T> && !std::is_trivially_destructible_v<T>;

  // The nodes are those of the other graph's run.
  static void call(void* closure, run_node* nodes, run_node& self) {
    if constexpr (!std::is_void_v<T>) {
      if constexpr (has_end) {
        if (self.has_value) {
          self.has_value = false;
          detail::end_value<T>(self);
        }
      }
      run_node& from = nodes[static_cast<composed*>(closure)->out];
      ::new (static_cast<void*>(value_place<T>(self))) T(std::move(*value_place<T>(from)));
      if constexpr (has_end) self.has_value = true;
      // order: [relaxed: read after the run, or by who comes after this node]
      self.moved.store(false, std::memory_order_relaxed);
    }
  }
  static constexpr auto end_of_value() -> void (*)(run_node&) noexcept {
    if constexpr (has_end) return &detail::end_value<T>;
    return nullptr;
  }
  using value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  static constexpr bool large = !fits_in_node<value>;
  static constexpr node_type type{&call,
                                  end_of_value(),
                                  &composed::end,
                                  nullptr,
                                  nullptr,
                                  0,
                                  large ? static_cast<std::uint32_t>(sizeof(value)) : 0,
                                  alignof(value),
                                  node_kind::composed,
                                  true};
  static void make(void* at, graph_core& other, node_id out) noexcept {
    ::new (at) composed_closure{{&other, out, !std::is_void_v<T>}};
  }
};

}  // namespace detail

/// Nodes and what each needs of the others.
///
/// A node runs when all nodes before it have run. What it returns goes to the nodes that depend on
/// it: shared, as a `const T&`, or moved to a sole user that declares `T` or `T&&` as its
/// parameter, unless the node was asked to `keep()` it or the user may have to run again (`retry`,
/// a loop). A callable whose parameters are templates gets `const T&`.
///
/// Threads: building is for one thread at a time. Runs may be begun by several threads, and
/// several runs may go on at the same time if every callable can be called through a const
/// reference; else the second one is refused with `graph_busy`.
/// Lifetime: handles of nodes end with the graph. A graph that is destroyed while it runs stays
/// until the run has ended, and the pool's `on_unhandled` hears of it as a `graph_busy`.
class FILCH_API graph {
 public:
  /// A graph without nodes.
  graph() : core_(detail::make_graph()) {}
  /// Takes the nodes over; their handles stay valid.
  graph(graph&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  /// Exchanges the two.
  graph& operator=(graph&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~graph() { detail::drop_graph(core_); }

  /// A node that calls `f` with the results of `deps`, in their order; nodes without a result only
  /// have to have run. `f` is decay-copied; it may take a `std::stop_token` or a
  /// `filch::subgraph&` in front.
  /// Cost: the memory of `f` from an arena; O(1).
  /// Throws: `graph_busy` while the graph runs; `foreign_node`; `bad_alloc`; what copying throws.
  template <class F, detail::node_handle... D>
  auto add(F&& f, const D&... deps) {
    using closure = detail::closure_of<detail::node_kind::plain, F, D...>;
    return node<typename closure::result>(
        core_, detail::add_to<detail::node_kind::plain>(core(), std::forward<F>(f), deps...));
  }

  /// A node whose callable returns which way to go on, as an integer or a bool; see
  /// `branch_node::to`. What is not chosen does not run, and neither does what needs its result.
  template <class F, detail::node_handle... D>
  branch_node branch(F&& f, const D&... deps) {
    using closure = detail::closure_of<detail::node_kind::branch, F, D...>;
    static_assert(std::is_integral_v<std::remove_cvref_t<typename closure::result>> ||
                      std::is_enum_v<std::remove_cvref_t<typename closure::result>>,
                  "filch: a branch's callable returns the number of the way, or a bool");
    return {core_, detail::add_to<detail::node_kind::branch>(core(), std::forward<F>(f), deps...)};
  }

  /// A node that runs the whole of another graph, which stays as it is and may be used in several
  /// places; it has to be there for as long as this one. A failure in it is the node's.
  /// Throws: as `add`; `cyclic_graph` if it would contain itself.
  node<void> compose(const graph& other) {
    using closure = detail::composed_closure<void>;
    return {core_, detail::add_composed(core(), other.core(), closure::type, sizeof(closure),
                                        &closure::make, 0)};
  }
  /// As above; the node gives what `out`, a node of the other graph, has given there.
  template <class T>
    requires std::move_constructible<T> && std::is_object_v<T>
  node<T> compose(const graph& other, const node<T>& out) {
    using closure = detail::composed_closure<T>;
    detail::require_same_graph(&other.core(), out.owner());
    return {core_, detail::add_composed(core(), other.core(), closure::type, sizeof(closure),
                                        &closure::make, out.id())};
  }

  /// How many nodes it has.
  std::size_t size() const { return detail::node_count(core()); }
  /// Looks for what would keep it from running. Throws: `cyclic_graph`, `invalid_graph`.
  void check() const { detail::check_graph(core()); }
  /// Writes it in Graphviz' language: `dot -Tsvg`.
  void dot(std::ostream& out) const { detail::draw_graph(core(), out); }

  /// \private For filch's own verbs.
  detail::graph_core& core() const {
    if (!core_) detail::throw_no_node();
    return *core_;
  }

 private:
  detail::graph_core* core_;
};

}  // namespace v0
}  // namespace filch
