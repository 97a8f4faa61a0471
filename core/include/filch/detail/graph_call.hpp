#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/graph_node.hpp>

/// \file
/// How a node's callable gets the results it depends on: which it shares, which it may have.

namespace filch {
inline namespace v0 {

class subgraph;

namespace detail {

template <class... T>
struct type_list {
  static constexpr std::size_t size = sizeof...(T);
};

/// The parameters a callable declares; unknown for templates, overloads and pointers to members.
template <class F>
struct declared {
  static constexpr bool known = false;
};
template <class... A>
struct declared_as {
  static constexpr bool known = true;
  static constexpr std::size_t count = sizeof...(A);
  template <std::size_t I>
  using at = std::tuple_element_t<I, std::tuple<A..., void>>;
};
template <class R, class... A>
struct declared<R (*)(A...)> : declared_as<A...> {};
template <class R, class... A>
struct declared<R (*)(A...) noexcept> : declared_as<A...> {};
template <class M>
struct declared_member {
  static constexpr bool known = false;
};
#define FILCH_DECLARED_MEMBER(...)        \
  template <class C, class R, class... A> \
  struct declared_member<R (C::*)(A...) __VA_ARGS__> : declared_as<A...> {};
FILCH_DECLARED_MEMBER()
FILCH_DECLARED_MEMBER(const)
FILCH_DECLARED_MEMBER(noexcept)
FILCH_DECLARED_MEMBER(const noexcept)
#undef FILCH_DECLARED_MEMBER
template <class F>
  requires requires { &F::operator(); }
struct declared<F> : declared_member<decltype(&F::operator())> {};

/// What stands before the results in a callable's parameters.
enum class lead { none, stop_token, subgraph };

template <class F, std::size_t I, class T, std::size_t N>
constexpr taking taking_of() {
  using d = declared<F>;
  if constexpr (std::is_reference_v<T> || !d::known || !std::is_move_constructible_v<T>) {
    return taking::shared;
  } else if constexpr (d::count != N && d::count != N + 1) {
    return taking::shared;
  } else {
    using P = typename d::template at<I + d::count - N>;
    if constexpr (std::is_same_v<std::remove_cv_t<P>, T> || std::is_same_v<P, T&&>) {
      return std::is_copy_constructible_v<T> ? taking::copyable : taking::only_moved;
    } else {
      return taking::shared;
    }
  }
}

template <taking How, class T>
using passed_as =
    std::conditional_t<std::is_reference_v<T>, T,
                       std::conditional_t<How == taking::shared, const std::remove_reference_t<T>&,
                                          std::remove_reference_t<T>&&>>;

/// One argument while the callable runs: the value itself, or a copy made for it.
template <taking How, class T>
class argument {
 public:
  argument(run_node& from, bool moves) : value_(value_place<T>(from)) {
    if constexpr (How == taking::copyable) {
      if (!moves) copy_.emplace(std::as_const(*value_));
    }
    // order: [relaxed: read after the run, or by nobody else: this is its only user]
    if (moves) from.moved.store(true, std::memory_order_relaxed);
  }
  T&& pass() noexcept {
    if constexpr (How == taking::copyable) {
      if (copy_) return std::move(*copy_);
    }
    return std::move(*value_);
  }

 private:
  struct nothing {};
  T* value_;
  [[no_unique_address]] std::conditional_t<How == taking::copyable, std::optional<T>, nothing>
      copy_;
};
template <class T>
class argument<taking::shared, T> {
 public:
  argument(run_node& from, bool) noexcept : value_(value_place<T>(from)) {}
  const T& pass() noexcept { return *value_; }

 private:
  const T* value_;
};
template <class T>
class argument<taking::shared, T&> {
 public:
  argument(run_node& from, bool) noexcept : value_(*value_place<T*>(from)) {}
  T& pass() noexcept { return *value_; }

 private:
  T* value_;
};

/// The index a branch's callable has chosen: true is the first way, false the second.
template <class R>
std::size_t chosen_way(R&& answer) {
  if constexpr (std::is_same_v<std::remove_cvref_t<R>, bool>) {
    return answer ? 0 : 1;
  } else {
    return answer < 0 ? static_cast<std::size_t>(-1) : static_cast<std::size_t>(answer);
  }
}

/// The subgraph that the node which runs on this thread may fill; made for nodes that want one.
FILCH_API subgraph& subgraph_of(run_node& self);

/// A node's callable and where its arguments come from.
template <node_kind Kind, class F, class... T>
struct node_closure {
  static constexpr std::size_t count = sizeof...(T);
  using indices = std::index_sequence_for<T...>;

  template <std::size_t... I>
  static constexpr std::array<taking, count> takings_of(std::index_sequence<I...>) {
    return {taking_of<F, I, T, count>()...};
  }
  static constexpr std::array<taking, count> takings = takings_of(indices{});

  template <class G, std::size_t... I>
  static constexpr lead lead_with(std::index_sequence<I...>) {
    if constexpr (std::is_invocable_v<G, passed_as<takings[I], T>...>) {
      return lead::none;
    } else if constexpr (std::is_invocable_v<G, std::stop_token, passed_as<takings[I], T>...>) {
      return lead::stop_token;
    } else if constexpr (std::is_invocable_v<G, subgraph&, passed_as<takings[I], T>...>) {
      return lead::subgraph;
    } else {
      static_assert(
          sizeof(F) == 0,
          "filch: the callable cannot be called with the results of the nodes it depends on, in "
          "their order, each as const T& (or as T or T&&, where it declares that); nodes without a "
          "result give no argument. It may take a std::stop_token or a filch::subgraph& before "
          "them");
      return lead::none;
    }
  }
  template <class G, std::size_t... I>
  static constexpr bool callable(std::index_sequence<I...>) {
    return std::is_invocable_v<G, passed_as<takings[I], T>...> ||
           std::is_invocable_v<G, std::stop_token, passed_as<takings[I], T>...> ||
           std::is_invocable_v<G, subgraph&, passed_as<takings[I], T>...>;
  }
  /// Called through a const reference where that is possible: then several runs may call it.
  static constexpr bool reentrant = callable<const F&>(indices{});
  using function = std::conditional_t<reentrant, const F&, F&>;
  static constexpr lead first = lead_with<function>(indices{});

  template <class... A>
  static decltype(auto) invoke(function f, run_node& self, A&&... args) {
    if constexpr (first == lead::none) {
      return std::invoke(f, std::forward<A>(args)...);
    } else if constexpr (first == lead::stop_token) {
      return std::invoke(f, current_stop_token(), std::forward<A>(args)...);
    } else {
      return std::invoke(f, subgraph_of(self), std::forward<A>(args)...);
    }
  }
  template <std::size_t... I>
  static auto result_of(std::index_sequence<I...>) -> std::type_identity<
      lasting<decltype(invoke(std::declval<function>(), std::declval<run_node&>(),
                              std::declval<passed_as<takings[I], T>>()...))>>;
  using result = typename decltype(result_of(indices{}))::type;
  using value = std::conditional_t<
      Kind == node_kind::branch, std::size_t,
      std::conditional_t<std::is_void_v<result>, std::monostate, stored<result>>>;
  static constexpr bool has_end = !std::is_trivially_destructible_v<value>;

  template <std::size_t... I>
  static void call_with(node_closure& me, [[maybe_unused]] run_node* nodes, run_node& self,
                        std::index_sequence<I...>) {
    // The arguments live until the end of the callable: they are temporaries of this call.
    produce(me.f, self, argument<takings[I], T>(nodes[me.inputs[I].from], me.inputs[I].moves)...);
  }
  template <class... A>
  static void produce(function f, run_node& self, A&&... args) {
    const auto call = [&]() -> decltype(auto) { return invoke(f, self, args.pass()...); };
    if constexpr (Kind == node_kind::branch) {
      ::new (static_cast<void*>(value_place<value>(self))) std::size_t(chosen_way(call()));
    } else if constexpr (std::is_void_v<result>) {
      call();
    } else if constexpr (std::is_reference_v<result>) {
      ::new (static_cast<void*>(value_place<value>(self))) value(std::addressof(call()));
    } else {
      ::new (static_cast<void*>(value_place<value>(self))) value(call());
    }
  }
  static void call(void* closure, run_node* nodes, run_node& self) {
    if constexpr (has_end) {
      if (self.has_value) {
        self.has_value = false;
        end_value<value>(self);
      }
    }
    call_with(*static_cast<node_closure*>(closure), nodes, self, indices{});
    if constexpr (has_end) self.has_value = true;
    // order: [relaxed: read after the run, or by who comes after this node]
    if constexpr (!std::is_void_v<result>) self.moved.store(false, std::memory_order_relaxed);
  }
  static void end(void* closure) noexcept { static_cast<node_closure*>(closure)->~node_closure(); }
  static node_input* inputs_of(void* closure) noexcept {
    return static_cast<node_closure*>(closure)->inputs.data();
  }

  static constexpr bool large = !fits_in_node<value>;
  static constexpr node_type type{
      &call,
      has_end ? &end_value<value> : nullptr,
      std::is_trivially_destructible_v<F> ? nullptr : &end,
      &inputs_of,
      takings.data(),
      static_cast<std::uint32_t>(count),
      large ? static_cast<std::uint32_t>(sizeof(value)) : 0,
      static_cast<std::uint32_t>(alignof(value)),
      Kind == node_kind::plain&& first == lead::subgraph ? node_kind::subgraph : Kind,
      reentrant};

  template <class G>
  explicit node_closure(G&& g) : f(std::forward<G>(g)) {}

  F f;
  std::array<node_input, count> inputs{};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
