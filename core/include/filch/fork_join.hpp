#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <filch/detail/bound.hpp>
#include <filch/detail/current.hpp>
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
[[gnu::always_inline]] inline branch_value<F> run_branch(F& f) {
  if constexpr (std::is_void_v<job_result<F&>>) {
    invoke_job<void>(f);
    return {};
  } else {
    return invoke_job<job_result<F&>>(f);
  }
}

/// Room for a value that is not always made, and says nothing of whether it was.
template <class T>
union room {
  room() noexcept {}
  ~room() {}
  T value;
};

/// The branch that may be stolen, with room for its outcome. Only a thief writes the outcome, so
/// that a fork nobody steals leaves it alone.
template <class G>
struct right_branch final : fork_job {
  right_branch(context* below, G& g) noexcept : fork_job(&run_stolen, below), call(&g) {}

  static void run_stolen(fork_job& half) noexcept {
    auto& self = static_cast<right_branch&>(half);
    self.failed = false;
    try {
      ::new (&self.outcome.value) branch_value<G>(run_branch(*self.call));
    } catch (...) {
      ::new (&self.error.value) std::exception_ptr(std::current_exception());
      self.failed = true;
    }
  }
  /// What a thief left. Requires: it was stolen and is over; called once.
  branch_value<G> take_outcome() {
    if (failed) {
      const auto thrown = take_error();
      std::rethrow_exception(thrown);
    }
    struct ender {
      branch_value<G>& done;
      ~ender() { done.~branch_value<G>(); }
    } end{outcome.value};
    return std::move(outcome.value);
  }
  std::exception_ptr take_error() noexcept {
    auto thrown = std::move(error.value);
    error.value.~exception_ptr();
    return thrown;
  }

  G* call;
  room<branch_value<G>> outcome;
  room<std::exception_ptr> error;
  bool failed;
};

/// The left branch threw: the right one is joined outside of the handler, then the error goes on.
template <class G>
[[noreturn]] FILCH_COLD void give_up_fork(context& ctx, fork_deque* forks, right_branch<G>& right,
                                          std::exception_ptr error) {
  if (forks && !forks->pop() && !reclaim_or_wait(*forks, right)) {
    if (right.failed) {
      right.take_error();
      count_suppressed(*ctx.pool);
    } else {
      right.outcome.value.~branch_value<G>();
    }
  }
  std::rethrow_exception(std::move(error));
}

/// Both branches; the right one is offered to thieves meanwhile. Never leaves this frame while a
/// thief may use it, whatever the left branch throws. A fork that nobody steals costs plain loads
/// and stores: of the frame, of the deque's tail, and a look at the two words that thieves write.
template <class F, class G>
[[gnu::always_inline]] inline std::tuple<branch_value<F>, branch_value<G>> fork_two(F& f, G& g) {
  context* const ctx = current.ctx;
  fork_deque* forks = current.forks;
  right_branch<G> right(ctx, g);
  require_stack(&right);
  if (!forks || forks->full()) [[unlikely]] {
    forks = nullptr;
  } else {
    forks->push(&right);
    if (forks->asked()) [[unlikely]]
      answer_thieves();
  }
  struct left_result {
    room<branch_value<F>> made;
    bool there = false;
    ~left_result() {
      if (there) made.value.~branch_value<F>();
    }
  } left;
  room<std::exception_ptr> error;
  bool failed = false;
  try {
    ::new (&left.made.value) branch_value<F>(run_branch(f));
  } catch (...) {
    ::new (&error.value) std::exception_ptr(std::current_exception());
    failed = true;
  }
  if (failed) [[unlikely]] {
    auto thrown = std::move(error.value);
    error.value.~exception_ptr();
    give_up_fork(*ctx, forks, right, std::move(thrown));
  }
  left.there = true;
  if (forks && !forks->pop() && !reclaim_or_wait(*forks, right)) [[unlikely]] {
    return {std::move(left.made.value), right.take_outcome()};
  }
  return {std::move(left.made.value), run_branch(g)};
}

template <class F>
[[gnu::always_inline]] inline std::tuple<branch_value<F>> fork_all(F& f) {
  return {run_branch(f)};
}
template <class F, class G, class... Rest>
[[gnu::always_inline]] inline auto fork_all(F& f, G& g, Rest&... rest) {
  if constexpr (sizeof...(Rest) == 0) {
    return fork_two(f, g);
  } else {
    auto others = [&] { return fork_all(g, rest...); };
    auto both = fork_two(f, others);
    return std::tuple_cat(std::tuple<branch_value<F>>(std::move(std::get<0>(both))),
                          std::move(std::get<1>(both)));
  }
}

/// How many indices of a range a thread runs without offering them, by what the last ones cost:
/// what takes a microsecond is not worth a fork for each index, and hides nothing for long.
struct grain {
  static constexpr std::chrono::nanoseconds worth_a_fork{1000};

  /// Whose it is: a thief knows nothing yet of what indices cost.
  fork_deque* const of = current.forks;
  std::size_t size = 1;

  void learn(std::size_t ran, std::chrono::nanoseconds took) noexcept {
    const auto each = static_cast<std::size_t>(took.count()) / ran + 1;
    // Cheap calls may be followed by dear ones: it grows in steps.
    size = std::clamp<std::size_t>(worth_a_fork / std::chrono::nanoseconds(1) / each, 1, 8 * ran);
  }
};

/// Runs lo, lo + 1, ... until somebody asks for halves. Returns the first index it has not run.
template <class F>
std::size_t run_some(std::size_t lo, std::size_t hi, F& f, grain& now) {
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  const fork_deque* const forks = current.forks;
  std::size_t i = lo;
  do {
    invoke_job<void>(f, i++);
  } while (i < hi && !(forks && forks->asked()));
  now.learn(i - lo, clock::now() - begin);
  return i;
}

/// [lo, hi) halved until what is left is run at once; a thief halves on.
template <class F>
void fork_range(std::size_t lo, std::size_t hi, F& f, grain& last) {
  grain mine;
  grain& now = last.of == mine.of ? last : mine;
  if (hi - lo <= now.size) lo = run_some(lo, hi, f, now);
  if (hi - lo <= 1) {
    if (lo < hi) invoke_job<void>(f, lo);
    return;
  }
  const auto middle = lo + (hi - lo) / 2;
  auto left = [&] { fork_range(lo, middle, f, now); };
  auto right = [&] { fork_range(middle, hi, f, now); };
  fork_two(left, right);
}

/// Calls `body()` as a call from outside of the pool.
template <class Body>
FILCH_COLD auto enter_pool(const bound& b, Body&& body) {
  call_scope call(b.core, lane::cpu, b.options.name, b.options.stop);
  visit here(b.core, false);
  within scope(call.ctx());
  return body();
}

/// Calls `body()` inside the pool: at once in one of its jobs, else as a call from outside.
template <class Body>
[[gnu::always_inline]] inline auto inside_pool(const bound& b, Body&& body) {
  const context* ctx = current.ctx;
  if (ctx && ctx->pool == &b.core && (current.forks || current.forks_in_place) &&
      !b.options.stop.stop_possible()) {
    return body();
  }
  return enter_pool(b, body);
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
    return detail::inside_pool(self().bound(), [&] { return detail::fork_all(branches...); });
  }

  /// Calls `f(0) ... f(n - 1)`, which may run at the same time, splitting [0, n) in halves; where
  /// calls are cheap and nobody asks for some, several in a row.
  /// Throws: as `fork_join`; the lowest failing index wins.
  template <class F>
  void fork_join_n(std::size_t n, F&& f) const {
    if (n == 0) return;
    detail::inside_pool(self().bound(), [&] {
      detail::grain now;
      detail::fork_range(0, n, f, now);
    });
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

namespace detail {

/// A free `fork_join` outside of any job with a deque. Apart, so that the usual path stays small.
template <class... F>
FILCH_COLD auto fork_elsewhere(F&... branches) {
  return current_verbs<fork_verbs>().fork_join(branches...);
}

struct fork_join_fn {
  template <class... F>
    requires(sizeof...(F) >= 1)
  [[gnu::always_inline]] auto operator()(F&&... branches) const {
    if (current.forks) [[likely]] {
      return fork_all(branches...);
    }
    return fork_elsewhere(branches...);
  }
};
struct fork_join_n_fn {
  template <class F>
  void operator()(std::size_t n, F&& f) const {
    current_verbs<fork_verbs>().fork_join_n(n, std::forward<F>(f));
  }
};

}  // namespace detail

/// `fork_join(f...)`: `fork_verbs::fork_join` on the pool of the running job, else on the default
/// pool.
inline constexpr detail::fork_join_fn fork_join{};
/// `fork_join_n(n, f)`: `fork_verbs::fork_join_n`, likewise.
inline constexpr detail::fork_join_n_fn fork_join_n{};

}  // namespace v0
}  // namespace filch
