#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <filch/detail/bound.hpp>
#include <filch/detail/fork_job.hpp>
#include <filch/detail/free_verbs.hpp>
#include <filch/detail/stack_guard.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What a branch gives: its result by value, `std::monostate` for void.
template <class F>
using branch_value = std::conditional_t<std::is_void_v<job_result<F&>>, std::monostate,
                                        std::decay_t<job_result<F&>>>;

template <class F>
branch_value<F> run_branch(F& f) {
  if constexpr (std::is_void_v<job_result<F&>>) {
    invoke_job<void>(f);
    return {};
  } else {
    return invoke_job<job_result<F&>>(f);
  }
}

/// The branch that may be stolen, with the place for its outcome.
template <class G>
class stealable_branch final : public fork_job {
 public:
  stealable_branch(context& parent, G& g) noexcept : fork_job(parent), g_(g) {}
  void execute() noexcept override {
    try {
      value_.emplace(run_branch(g_));
    } catch (...) {
      error_ = std::current_exception();
    }
    finished();
  }
  const std::exception_ptr& error() const noexcept { return error_; }
  branch_value<G>& value() noexcept { return *value_; }

 private:
  G& g_;
  std::optional<branch_value<G>> value_;
  std::exception_ptr error_;
};

/// Both branches; the right one is offered to thieves meanwhile. Never leaves this frame while a
/// thief may use it, whatever the left branch throws.
template <class F, class G>
std::pair<branch_value<F>, branch_value<G>> fork_two(context& ctx, F& f, G& g) {
  require_stack();
  stealable_branch<G> right(ctx, g);
  if (!offer_fork(right)) {
    auto left = run_branch(f);
    return {std::move(left), run_branch(g)};
  }
  std::optional<branch_value<F>> left;
  std::exception_ptr error;
  try {
    left.emplace(run_branch(f));
  } catch (...) {
    error = std::current_exception();  // joined below, outside of the handler
  }
  if (take_fork_back(right)) {
    if (error) std::rethrow_exception(error);
    return {std::move(*left), run_branch(g)};
  }
  wait(right);
  if (error) {
    if (right.error()) count_suppressed(*ctx.pool);
    std::rethrow_exception(error);
  }
  if (right.error()) std::rethrow_exception(right.error());
  return {std::move(*left), std::move(right.value())};
}

template <class F>
std::tuple<branch_value<F>> fork_all(context&, F& f) {
  return {run_branch(f)};
}
template <class F, class G, class... Rest>
auto fork_all(context& ctx, F& f, G& g, Rest&... rest) {
  if constexpr (sizeof...(Rest) == 0) {
    return std::tuple<branch_value<F>, branch_value<G>>(fork_two(ctx, f, g));
  } else {
    auto others = [&] { return fork_all(ctx, g, rest...); };
    auto both = fork_two(ctx, f, others);
    return std::tuple_cat(std::tuple<branch_value<F>>(std::move(both.first)),
                          std::move(both.second));
  }
}

/// [lo, hi) halved until one index is left.
template <class F>
void fork_range(context& ctx, std::size_t lo, std::size_t hi, F& f) {
  if (hi - lo == 1) {
    invoke_job<void>(f, lo);
    return;
  }
  const auto middle = lo + (hi - lo) / 2;
  auto left = [&] { fork_range(ctx, lo, middle, f); };
  auto right = [&] { fork_range(ctx, middle, hi, f); };
  fork_two(ctx, left, right);
}

/// Calls `body(ctx)` inside the pool: at once in one of its jobs, else as a call from outside.
template <class Body>
auto inside_pool(const bound& b, Body&& body) {
  context* ctx = current.ctx;
  if (ctx && ctx->pool == &b.core && current.home && !b.options.stop.stop_possible()) {
    return body(*ctx);
  }
  call_scope call(b.core, lane::cpu, b.options.name, b.options.stop);
  visit here(b.core);
  within scope(call.ctx());
  return body(call.ctx());
}

}  // namespace detail

/// `fork_join` and `fork_join_n` for pools and views.
template <class Self>
class fork_verbs {
 public:
  /// Runs the branches, which may run at the same time, and returns their results as a tuple;
  /// `std::monostate` for branches that return nothing. Made for recursive divide and conquer.
  ///
  /// Cost: no allocation while no branch is stolen. Blocks: until all branches have ended.
  /// Throws: what the leftmost failing branch threw; a branch that has not begun when one to its
  /// left has failed is skipped. `nesting_limit` when the stack is nearly used up.
  template <class... F>
    requires(sizeof...(F) >= 1)
  auto fork_join(F&&... branches) const {
    return detail::inside_pool(
        self().bound(), [&](detail::context& ctx) { return detail::fork_all(ctx, branches...); });
  }

  /// Calls `f(0) ... f(n - 1)`, which may run at the same time, splitting [0, n) in halves.
  /// Throws: as `fork_join`; the lowest failing index wins.
  template <class F>
  void fork_join_n(std::size_t n, F&& f) const {
    if (n == 0) return;
    detail::inside_pool(self().bound(),
                        [&](detail::context& ctx) { detail::fork_range(ctx, 0, n, f); });
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

namespace detail {

struct fork_join_fn {
  template <class... F>
  auto operator()(F&&... branches) const {
    return current_verbs<fork_verbs>().fork_join(std::forward<F>(branches)...);
  }
};
struct fork_join_n_fn {
  template <class F>
  void operator()(std::size_t n, F&& f) const {
    current_verbs<fork_verbs>().fork_join_n(n, std::forward<F>(f));
  }
};

}  // namespace detail

/// The same on the pool of the running job, else on the default pool.
inline constexpr detail::fork_join_fn fork_join{};
inline constexpr detail::fork_join_n_fn fork_join_n{};

}  // namespace v0
}  // namespace filch
