#pragma once

#include <concepts>
#include <functional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <filch/detail/core.hpp>
#include <filch/options.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What a verb works with: a pool and the options it was given. Refers to the pool or view that
/// made it, so it lives for the one call.
struct bound {
  pool_core& core;
  const job_options& options;
};

/// The defaults of `pool.verb(...)`.
FILCH_API const job_options& no_options() noexcept;

/// The stop token of the running job or call; one that never stops outside of any.
FILCH_API std::stop_token current_stop_token();

/// True for callables that only fit with a `std::stop_token` in front of the arguments.
template <class F, class... A>
inline constexpr bool wants_stop_token =
    !std::is_invocable_v<F, A...> && std::is_invocable_v<F, std::stop_token, A...>;

template <bool WithToken, class F, class... A>
struct job_result_of {
  static_assert(std::is_invocable_v<F, A...>,
                "filch: the callable cannot be called with these arguments "
                "(nor with a std::stop_token in front of them)");
  using type = std::invoke_result_t<F, A...>;
};
template <class F, class... A>
struct job_result_of<true, F, A...> {
  using type = std::invoke_result_t<F, std::stop_token, A...>;
};
/// An rvalue reference may lead into the job's own copies of its arguments, which die with the
/// job: what it refers to is the result.
template <class R>
using lasting = std::conditional_t<std::is_rvalue_reference_v<R>, std::remove_cvref_t<R>, R>;

/// What `f(args...)`, or `f(stop_token, args...)`, returns.
template <class F, class... A>
using job_result = lasting<typename job_result_of<wants_stop_token<F, A...>, F, A...>::type>;

/// Calls f as a job is called: with the job's stop token in front if f only fits so.
template <class R, class F, class... A>
R invoke_job(F&& f, A&&... args) {
  if constexpr (wants_stop_token<F, A...>) {
    return std::invoke(std::forward<F>(f), current_stop_token(), std::forward<A>(args)...);
  } else {
    return std::invoke(std::forward<F>(f), std::forward<A>(args)...);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
