#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/future.hpp>
#include <filch/this_job.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// A job's own copy of its name; null for none.
inline std::unique_ptr<char[]> kept_name(std::string_view name) {
  if (name.empty()) return {};
  auto copy = std::make_unique_for_overwrite<char[]>(name.size());
  std::copy(name.begin(), name.end(), copy.get());
  return copy;
}

/// A submitted call with its decayed callable and arguments.
template <class R, class F, class... A>
class submitted final : public future_state<R> {
 public:
  template <class G, class... B>
  submitted(pool_core& core, const job_options& options, G&& g, B&&... args)
      : future_state<R>(core),
        name_(kept_name(options.name)),
        call_(std::in_place, std::forward<G>(g), std::forward<B>(args)...) {
    this->place(core, options.lane, {name_.get(), options.name.size()}, options.stop);
  }
  void run() noexcept override {
    this->fulfil([this]() -> R {
      if (this->stop().stop_requested()) throw_cancelled();
      auto call = std::move(*call_);
      call_.reset();
      return std::apply(
          [](auto&& f, auto&&... args) -> R {
            return invoke_job<R>(std::move(f), std::move(args)...);
          },
          std::move(call));
    });
  }
  void drop_call() noexcept override { call_.reset(); }

 private:
  std::unique_ptr<char[]> name_;
  std::optional<std::tuple<F, A...>> call_;
};

/// A call that nobody waits for, without its callable.
class FILCH_API posted_job : public job {
 public:
  void run() noexcept final;

 protected:
  /// Calls what was posted, and destroys it.
  virtual void call() = 0;
  virtual void drop() noexcept = 0;
};

template <class F, class... A>
class posted final : public posted_job {
 public:
  template <class G, class... B>
  posted(pool_core& core, const job_options& options, G&& g, B&&... args)
      : name_(kept_name(options.name)),
        call_(std::in_place, std::forward<G>(g), std::forward<B>(args)...) {
    place(core, options.lane, {name_.get(), options.name.size()}, options.stop);
    stop().nobody_asks();
  }

 protected:
  void call() override {
    auto call = std::move(*call_);
    call_.reset();
    std::apply(
        [](auto&& f, auto&&... args) {
          using result = job_result<F, A...>;
          static_cast<void>(invoke_job<result>(std::move(f), std::move(args)...));
        },
        std::move(call));
  }
  void drop() noexcept override { call_.reset(); }

 private:
  std::unique_ptr<char[]> name_;
  std::optional<std::tuple<F, A...>> call_;
};

}  // namespace detail

/// `submit`, `submit_after` and `post` for pools and views.
template <class Self>
class submit_verbs {
 public:
  /// Runs `f(args...)` as a job and returns its future; f and args are decay-copied.
  /// Throws: `pool_closed`, `forked_pool`, `bad_alloc` (nothing is queued then).
  template <class F, class... A>
  auto submit(F&& f, A&&... args) const {
    const auto bound = self().bound();
    auto state = make(bound, std::forward<F>(f), std::forward<A>(args)...);
    auto out = as_future(state);
    detail::limit_future(*state, bound.options.timeout);
    detail::enqueue(bound.core, detail::ref<detail::job>(std::move(state)));
    return out;
  }

  /// As `submit`, but the job is queued `delay` from now.
  /// Throws: also `no_thread` if the timer thread cannot be started.
  template <class Rep, class Period, class F, class... A>
  auto submit_after(std::chrono::duration<Rep, Period> delay, F&& f, A&&... args) const {
    const auto bound = self().bound();
    auto state = make(bound, std::forward<F>(f), std::forward<A>(args)...);
    auto out = as_future(state);
    detail::enqueue_at(bound.core, detail::ref<detail::future_base>(std::move(state)),
                       detail::deadline_after(delay));
    return out;
  }

  /// Runs `f(args...)` as a job nobody waits for; what it throws reaches `on_unhandled`.
  /// Throws: as `submit`.
  template <class F, class... A>
  void post(F&& f, A&&... args) const {
    const auto bound = self().bound();
    if (bound.options.timeout.count() != 0) {
      auto state = make(bound, std::forward<F>(f), std::forward<A>(args)...);
      detail::limit_future(*state, bound.options.timeout);
      const auto keep = state->core();  // the job may end the pool before enqueue is done with it
      detail::enqueue(bound.core, detail::ref<detail::job>(std::move(state)));
      return;
    }
    using posted = detail::posted<std::decay_t<F>, std::decay_t<A>...>;
    detail::enter(bound.core, 2);  // the job, and this call, which it may overtake
    detail::ref<posted> work;
    try {
      work = detail::make_ref<posted>(bound.core, bound.options, std::forward<F>(f),
                                      std::forward<A>(args)...);
    } catch (...) {
      detail::leave(bound.core);
      detail::leave(bound.core);
      throw;
    }
    detail::enqueue(bound.core, detail::ref<detail::job>(std::move(work)));
    detail::leave(bound.core);
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  template <class F, class... A>
  static auto make(const detail::bound& bound, F&& f, A&&... args) {
    using result = detail::job_result<std::decay_t<F>, std::decay_t<A>...>;
    using state = detail::submitted<result, std::decay_t<F>, std::decay_t<A>...>;
    return detail::accepted<state>(bound.core, bound.options, std::forward<F>(f),
                                   std::forward<A>(args)...);
  }
  template <class R, class F, class... A>
  static future<R> as_future(const detail::ref<detail::submitted<R, F, A...>>& state) {
    return future<R>(detail::ref<detail::future_state<R>>::share(state.get()));
  }
};

}  // namespace v0
}  // namespace filch
