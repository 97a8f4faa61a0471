#pragma once

#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/free_verbs.hpp>
#include <filch/detail/future_state.hpp>
#include <filch/detail/scope_core.hpp>

namespace filch {
inline namespace v0 {

/// What a scope's body gets: spawns jobs that end before the scope does.
///
/// Threads: the body and the scope's jobs may use it at the same time.
/// Lifetime: until the scope returns; jobs may refer to it and to all that is older, but not to
/// variables of the body, which may return before them.
class job_scope {
 public:
  /// \private For filch's own verbs.
  explicit job_scope(detail::scope_core& core) noexcept : core_(core) {}
  job_scope(const job_scope&) = delete;
  job_scope& operator=(const job_scope&) = delete;

  /// Runs `f(args...)` as a job of the scope; both are decay-copied, what f returns is dropped.
  /// Does nothing once the scope was asked to stop. Throws: `bad_alloc`, and what copying throws.
  template <class F, class... A>
  void spawn(F&& f, A&&... args) {
    if (core_.leaves_out()) return;
    using work = detail::spawned<std::decay_t<F>, std::decay_t<A>...>;
    core_.spawn(detail::make_ref<work>(core_, std::forward<F>(f), std::forward<A>(args)...));
  }

  /// Asked to stop by `stop()`, by the first error, or from outside.
  std::stop_token stop_token() const { return core_.call().stop().token(); }
  /// True once the scope was asked to stop. Cost: no allocation, unlike `stop_token()`.
  bool stop_requested() const noexcept { return core_.call().stop().stop_requested(); }
  /// Ends the scope early: jobs that have not started never run, running ones see their stop. The
  /// scope then returns as usual.
  void stop() noexcept { core_.stop(); }

 private:
  detail::scope_core& core_;
};

/// `scope` for pools and views.
template <class Self>
class scope_verbs {
 public:
  /// Calls `body(s)` on this thread, where `s` is a `job_scope&` that spawns jobs, and returns what
  /// it returns when all of them have ended, those included that jobs have spawned.
  ///
  ///     pool.scope([&](auto& s) { for (auto& part : parts) s.spawn([&part] { work(part); }); });
  ///
  /// Options: `.lane` and `.name` of the jobs, `.stop`, `.timeout`.
  /// Blocks: by the waiting rules; the caller runs jobs that have not started.
  /// Throws: the first error in time, of the body or of a job: it stops the rest, and jobs that
  /// have not started never run; later ones are counted in `stats().suppressed`. `cancelled` or
  /// `timed_out` if a stop from outside left out jobs. As any call: `pool_closed`, `forked_pool`,
  /// `nesting_limit`.
  /// Cost: one allocation a job, freed when it ends; two short critical sections.
  template <class F>
  auto scope(F&& body) const -> detail::job_result<F, job_scope&> {
    using result = detail::job_result<F, job_scope&>;
    const auto bound = self().bound();
    detail::call_scope call(bound.core, bound.options.lane, bound.options.name, bound.options.stop);
    detail::scope_core core(call, bound.options);
    job_scope s(core);
    std::optional<detail::stored<result>> value;
    std::exception_ptr error;
    try {
      detail::within inside(call.ctx());
      if constexpr (std::is_void_v<result>) {
        detail::invoke_job<result>(std::forward<F>(body), s);
      } else if constexpr (std::is_reference_v<result>) {
        value = std::addressof(detail::invoke_job<result>(std::forward<F>(body), s));
      } else {
        value.emplace(detail::invoke_job<result>(std::forward<F>(body), s));
      }
    } catch (...) {
      error = std::current_exception();
    }
    if (error) core.failed(std::move(error));
    core.finish();
    if constexpr (std::is_void_v<result>) {
      return;
    } else if constexpr (std::is_reference_v<result>) {
      return static_cast<result>(**value);
    } else {
      return std::move(*value);
    }
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

namespace detail {

struct scope_fn {
  template <class F>
  auto operator()(F&& body) const -> job_result<F, job_scope&> {
    return current_verbs<scope_verbs>().scope(std::forward<F>(body));
  }
};

}  // namespace detail

/// `scope(body)`: `scope_verbs::scope` on the pool of the running job, else on the default pool.
inline constexpr detail::scope_fn scope{};

}  // namespace v0
}  // namespace filch
