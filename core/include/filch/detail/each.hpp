#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/loop.hpp>

/// \file
/// Loops over callables: the typed half of `loop.hpp`.

namespace filch {
inline namespace v0 {
namespace detail {

/// The options of a verb that may be given some as its last argument.
inline const job_options& chosen(const bound& b, const job_options& last) noexcept {
  return &last == &no_options() ? b.options : last;
}

/// A loop body that calls `step(i)` for each item.
template <class Step>
struct each_body {
  Step step;

  /// Steps through [lo, hi); stops at the first that throws. Returns where it stopped.
  std::size_t attempt(std::size_t lo, std::size_t hi, std::exception_ptr& error) noexcept {
    // A local copy, where that is free, can stay in registers whatever the steps write to.
    using local = std::conditional_t<std::is_trivially_copyable_v<Step>, Step, Step&>;
    local now = step;
    std::size_t i = lo;
    try {
      for (; i < hi; ++i) now(i);
    } catch (...) {
      error = std::current_exception();
    }
    return i;
  }
  static std::size_t run(void* self, std::size_t lo, std::size_t hi, loop_core& loop) noexcept {
    std::exception_ptr error;
    const auto i = static_cast<each_body*>(self)->attempt(lo, hi, error);
    if (i == hi) return hi;
    loop.failed(i, std::move(error));
    return i + 1;
  }
  loop_body body() noexcept { return {&run, this}; }
};

/// As `each_body`; under `errors::collect` the error of item i goes to `on_error(i, error)`.
template <class Step, class Sink>
struct each_body_with_sink : each_body<Step> {
  Sink on_error;

  static std::size_t run(void* self, std::size_t lo, std::size_t hi, loop_core& loop) noexcept {
    return each_body<Step>::run(
        static_cast<each_body<Step>*>(static_cast<each_body_with_sink*>(self)), lo, hi, loop);
  }
  static void sink(void* self, std::size_t i, std::exception_ptr error) noexcept {
    static_cast<each_body_with_sink*>(self)->on_error(i, std::move(error));
  }
  loop_body body() noexcept { return {&run, this, &sink}; }
};

/// Calls `step(i)` for i in [0, n) as a blocking call.
template <class Step>
void run_each(call_scope& call, std::size_t n, const job_options& options, Step step) {
  each_body<Step> body{std::move(step)};
  run_loop(call, n, options, body.body());
}
template <class Step, class Sink>
void run_each(call_scope& call, std::size_t n, const job_options& options, Step step, Sink sink) {
  each_body_with_sink<Step, Sink> body{{std::move(step)}, std::move(sink)};
  run_loop(call, n, options, body.body());
}

template <class Tuple>
concept tuple_like = requires { std::tuple_size<std::remove_cvref_t<Tuple>>::value; };

template <std::size_t I, class Tuple>
constexpr decltype(auto) part(Tuple&& t) {
  using std::get;
  return get<I>(std::forward<Tuple>(t));
}

template <class F, class Tuple, class Indices>
inline constexpr bool takes_parts = false;
template <class F, class Tuple, std::size_t... I>
inline constexpr bool takes_parts<F, Tuple, std::index_sequence<I...>> =
    std::is_invocable_v<F, decltype(part<I>(std::declval<Tuple>()))...> ||
    std::is_invocable_v<F, std::stop_token, decltype(part<I>(std::declval<Tuple>()))...>;

template <class Tuple>
using parts_of = std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<Tuple>>>;

/// Calls f with the parts of a tuple-like argument; how starmap sees its callable. Refers to f.
template <class F>
class spread {
 public:
  explicit spread(F& f) noexcept : f_(std::addressof(f)) {}

  template <tuple_like Tuple>
    requires takes_parts<F&, Tuple, parts_of<Tuple>>
  decltype(auto) operator()(Tuple&& t) const {
    return call(std::forward<Tuple>(t), parts_of<Tuple>{});
  }

 private:
  template <class Tuple, std::size_t... I>
  decltype(auto) call(Tuple&& t, std::index_sequence<I...>) const {
    using result = job_result<F&, decltype(part<I>(std::forward<Tuple>(t)))...>;
    return invoke_job<result>(*f_, part<I>(std::forward<Tuple>(t))...);
  }
  F* f_;
};

/// A callable whose result nobody wants.
template <class Caller>
struct for_effect {
  Caller call;

  template <class X>
    requires std::is_invocable_v<Caller&, X> || std::is_invocable_v<Caller&, std::stop_token, X>
  void operator()(X&& x) {
    static_cast<void>(invoke_job<job_result<Caller&, X>>(call, std::forward<X>(x)));
  }
};

/// The callable as the loop calls it: with one element, or with its parts.
template <bool Spread, class F>
auto caller_of(F& f) noexcept {
  if constexpr (Spread) {
    return spread<F>(f);
  } else {
    return std::ref(f);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
