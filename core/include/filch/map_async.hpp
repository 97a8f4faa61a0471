#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/free_verbs.hpp>
#include <filch/detail/map_call.hpp>
#include <filch/error.hpp>
#include <filch/future.hpp>
#include <filch/ranges.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What an asynchronous verb keeps of a range: rvalues move in, lvalues are copied, views are
/// copied as views.
template <class R>
auto owned(R&& range) {
  if constexpr (std::is_array_v<std::remove_reference_t<R>>) {
    return std::to_array(std::forward<R>(range));
  } else {
    return std::remove_cvref_t<R>(std::forward<R>(range));
  }
}

/// The callable and the input of an asynchronous map, indexable as soon as it is made; iterating
/// and its exceptions belong to the thread that called the verb.
template <bool Spread, class F, class R>
struct map_input {
  using caller = decltype(caller_of<Spread>(std::declval<F&>()));
  using source = decltype(make_source<R>(std::declval<R&>()));
  using result = call_result<caller, source>;

  template <class G, class S>
  map_input(G&& g, S&& given)
      : f(std::forward<G>(g)), range(std::forward<S>(given)), from(make_source<R>(range)) {}
  map_input(const map_input&) = delete;
  map_input& operator=(const map_input&) = delete;

  auto step() {
    auto call = caller_of<Spread>(f);
    return step_of(call, from);
  }

  F f;
  R range;
  source from;
};

/// The results of a map, which may be none.
template <class R>
struct map_output {
  using type = std::vector<std::decay_t<R>>;
  explicit map_output(std::size_t n) : made(n) {}
  template <class Step>
  auto body(Step step) {
    return [step, to = made.write()](std::size_t i) mutable {
      to.put(i, [&]() -> decltype(auto) { return step(i); });
    };
  }
  type take() { return made.take(); }
  results<std::decay_t<R>> made;
};
template <>
struct map_output<void> {
  using type = void;
  explicit map_output(std::size_t) {}
  template <class Step>
  auto body(Step step) {
    return step;
  }
  void take() {}
};

/// A map that runs on after the call that started it; its own future.
///
/// Nobody ever queues the state itself as a job: what runs are the loop's tickets, each of which
/// keeps the state alive, and the last of which finishes it.
template <class Input>
class map_state final : public future_state<typename map_output<typename Input::result>::type> {
  using output = map_output<typename Input::result>;
  using base = future_state<typename output::type>;

 public:
  using result_type = typename output::type;

  template <class G, class S>
  map_state(pool_core& core, const job_options& options, G&& g, S&& given)
      : base(core),
        options_(options),
        input_(std::in_place, std::forward<G>(g), std::forward<S>(given)) {
    this->place(core, options_.lane, options_.name, options_.stop);
    output_.emplace(input_->from.size());
    body_.emplace(each_body<step>{output_->body(input_->step())});
    loop_.emplace(this->where(), input_->from.size(), options_, loop_body{&run_block, this});
  }

  /// Queues the work. Called once, when the future exists.
  void start() {
    if (input_->from.size() == 0) return end();
    try {
      loop_->limit_time(options_.timeout);
      loop_->launch(loop_->crew(), ref<ref_counted>::share(this), &ended, this);
    } catch (...) {
      this->observe();
      loop_.reset();  // tickets that were made hold this state
      drop_input();
      this->finish(std::current_exception());
      throw;
    }
  }

  void run() noexcept override {}
  ref<job> unclaimed() noexcept override { return loop_->unclaimed(); }
  slot* runner(std::size_t i) noexcept override { return loop_->runner(i); }
  bool cancel() noexcept override {
    if (this->done().is_set()) return false;
    // First the stop: should nothing have run, the verdict is reached within `withdraw`.
    this->stop().request_stop();
    return loop_->withdraw();
  }

 private:
  using step = decltype(std::declval<output&>().body(std::declval<Input&>().step()));

  static std::size_t run_block(void* self, std::size_t lo, std::size_t hi,
                               loop_core& loop) noexcept {
    auto& state = *static_cast<map_state*>(self);
    std::exception_ptr error;
    const auto i = state.body_->attempt(lo, hi, error);
    if (i == hi) return hi;
    loop.failed(i, std::move(error));
    return i + 1;
  }
  static void ended(void* self) { static_cast<map_state*>(self)->end(); }
  void end() noexcept {
    auto error = loop_->verdict();
    if (error) {
      drop_input();
      this->finish(std::move(error));
    } else {
      this->fulfil([this]() -> typename output::type {
        if constexpr (std::is_void_v<typename output::type>) {
          drop_input();
        } else {
          auto values = output_->take();
          drop_input();
          return values;
        }
      });
    }
  }
  // Whoever sees the result no longer finds its arguments alive.
  void drop_input() noexcept {
    body_.reset();
    output_.reset();
    input_.reset();
  }

  job_options options_;
  std::optional<Input> input_;
  std::optional<output> output_;
  std::optional<each_body<step>> body_;
  std::optional<loop_core> loop_;
};

}  // namespace detail

/// `map_async` and `starmap_async` for pools and views.
template <class Self>
class map_async_verbs {
 public:
  /// Starts a `map` and returns the future of its results. Iterates the input, if it must, before
  /// it returns. The future's `cancel` is true if no item has run or will.
  /// Lifetime: f and rvalue ranges move in, lvalue ranges are copied, views are copied as views;
  /// `borrow(xs)` lends a container.
  template <class F, class Xs, class... Ys>
  auto map_async(F&& f, Xs&& xs, Ys&&... ys) const {
    if constexpr (sizeof...(Ys) == 0) {
      return start<false>(std::forward<F>(f), detail::owned(std::forward<Xs>(xs)));
    } else {
      return starmap_async(std::forward<F>(f), filch::zip(detail::owned(std::forward<Xs>(xs)),
                                                          detail::owned(std::forward<Ys>(ys))...));
    }
  }
  /// As `map_async`, of a `starmap`: calls f with the parts of each element.
  template <class F, class Zipped>
  auto starmap_async(F&& f, Zipped&& zipped) const {
    return start<true>(std::forward<F>(f), detail::owned(std::forward<Zipped>(zipped)));
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  template <bool Spread, class F, class R>
  auto start(F&& f, R range) const {
    detail::require_bounded<R>();
    const auto b = self().bound();
    using state = detail::map_state<detail::map_input<Spread, std::decay_t<F>, R>>;
    auto made = detail::accepted<state>(b.core, b.options, std::forward<F>(f), std::move(range));
    using result = typename state::result_type;
    future<result> out(detail::ref<detail::future_state<result>>::share(made.get()));
    made->start();
    return out;
  }
};

namespace detail {

struct map_async_fn {
  template <class... A>
  auto operator()(A&&... a) const {
    return current_verbs<map_async_verbs>{}.map_async(std::forward<A>(a)...);
  }
};
struct starmap_async_fn {
  template <class... A>
  auto operator()(A&&... a) const {
    return current_verbs<map_async_verbs>{}.starmap_async(std::forward<A>(a)...);
  }
};
}  // namespace detail

/// `map_async(f, xs...)`: `map_async_verbs::map_async` on the pool of the running job, else on the
/// default pool.
inline constexpr detail::map_async_fn map_async{};
/// `starmap_async(f, zipped)`: `map_async_verbs::starmap_async`, likewise.
inline constexpr detail::starmap_async_fn starmap_async{};

}  // namespace v0
}  // namespace filch
