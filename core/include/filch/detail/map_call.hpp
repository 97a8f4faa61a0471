#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/each.hpp>
#include <filch/detail/results.hpp>
#include <filch/detail/source.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Refuses a callable that takes no element of the range, where the verb was called.
template <class Caller, class Source>
constexpr void require_callable() {
  static_assert(takes<Caller&, typename Source::element> || takes<Caller&, typename Source::spare>,
                "filch: the callable cannot be called with the elements of this range "
                "(nor with a std::stop_token in front of them)");
}

/// What one call of the loop's callable gives.
template <class Caller, class Source>
using call_result = job_result<Caller&, element_for<Caller&, Source>>;

/// Calls the callable with the i-th element.
template <class Caller, class Source>
auto step_of(Caller& f, Source& source) {
  using element = element_for<Caller&, Source>;
  using result = call_result<Caller, Source>;
  return [f, in = source.handle()](std::size_t i) mutable -> result {
    return invoke_job<result>(f, in.template get<element>(i));
  };
}

/// `map` and `starmap` of an input of which `Given` says how it was given.
template <class Given, class Caller, class R>
auto map_call(const bound& b, Caller f, R& range) {
  require_bounded<R>();
  call_scope call(b.core, b.options.lane, b.options.name, b.options.stop);
  auto source = make_source<Given>(range);
  require_callable<Caller, decltype(source)>();
  using result = call_result<Caller, decltype(source)>;
  auto step = step_of(f, source);
  const auto n = source.size();
  if constexpr (std::is_void_v<result>) {
    run_each(call, n, b.options, step);
  } else {
    results<std::decay_t<result>> out(n);
    run_each(call, n, b.options, [step, to = out.write()](std::size_t i) mutable {
      to.put(i, [&]() -> decltype(auto) { return step(i); });
    });
    return out.take();
  }
}

/// `map_try`: outcomes instead of results.
template <class Outcome, class Given, class Caller, class R>
std::vector<Outcome> try_call(const bound& b, Caller f, R& range) {
  call_scope call(b.core, b.options.lane, b.options.name, b.options.stop);
  auto source = make_source<Given>(range);
  auto step = step_of(f, source);
  const auto n = source.size();
  results<Outcome> out(n);
  auto options = b.options;
  options.errors = errors::collect;
  run_each(
      call, n, options,
      [step, to = out.write()](std::size_t i) mutable {
        to.put(i, [&] {
          if constexpr (std::is_void_v<typename Outcome::value_type>) {
            step(i);
            return Outcome(std::in_place);
          } else {
            return Outcome(std::in_place, step(i));
          }
        });
      },
      [to = out.write()](std::size_t i, std::exception_ptr error) {
        to.replace(i, [&] { return Outcome::failure(std::move(error)); });
      });
  return out.take();
}

/// `map_into`: results go into an existing range.
template <class Given, class Out, class Caller, class R>
std::size_t into_call(const bound& b, Out& out, Caller f, R& range) {
  static_assert(indexable<Out&>,
                "filch::map_into: the output must be indexable and know its size, as a vector");
  require_bounded<R>();
  call_scope call(b.core, b.options.lane, b.options.name, b.options.stop);
  auto source = make_source<Given>(range);
  require_callable<Caller, decltype(source)>();
  auto step = step_of(f, source);
  const auto n = source.size();
  if (static_cast<std::size_t>(std::ranges::size(out)) < n) {
    throw std::invalid_argument(
        "filch::map_into: the output is shorter than the input; resize it first");
  }
  auto to = std::ranges::begin(out);
  using target = std::ranges::range_reference_t<Out&>;
  using difference = std::ranges::range_difference_t<Out&>;
  if constexpr (std::is_lvalue_reference_v<target>) {
    run_each(call, n, b.options,
             [step, to](std::size_t i) mutable { to[static_cast<difference>(i)] = step(i); });
  } else {
    // What is written through proxies, such as the bits of a vector<bool>, may share words.
    results<std::ranges::range_value_t<Out&>> buffer(n);
    run_each(call, n, b.options, [step, via = buffer.write()](std::size_t i) mutable {
      via.put(i, [&] { return static_cast<std::ranges::range_value_t<Out&>>(step(i)); });
    });
    auto values = buffer.take();
    for (std::size_t i = 0; i < n; ++i) to[static_cast<difference>(i)] = std::move(values[i]);
  }
  return n;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
