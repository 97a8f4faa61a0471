#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/bound.hpp>
#include <filch/detail/free_verbs.hpp>
#include <filch/detail/race_line.hpp>
#include <filch/detail/race_state.hpp>
#include <filch/options.hpp>

/// \file
/// Ask several at once, take the first that answers: `pool.race(fetch, mirrors).value`.
///
/// Every contender runs on a thread of its own beside the pool's, so a race of ten works on a pool
/// of one; one that cannot get a thread loses with `no_thread`. Once the race is decided the
/// others are asked to stop: a callable that can only be called with a `std::stop_token` in front
/// gets theirs, deep code asks `this_job::stop_token()`.
///
/// A callable that answers later, by returning a `filch::future<T>` (`http::get_async`, a `submit`,
/// a promise), makes contenders that hold no thread: race ten thousand. The value is the future's;
/// what has lost is cancelled. Those that start at once are called one after another by the caller
/// of the race, so they must not block.

namespace filch {
inline namespace v0 {

/// A winner: what it returned (`std::monostate` for void), which contender it was, and how long
/// after the start of the race it returned.
template <class T>
struct race_result {
  /// What the winner returned.
  T value;
  /// Its position among the contenders, from 0.
  std::size_t index;
  /// From the start of the race, not of the contender.
  std::chrono::nanoseconds elapsed;
};

/// What a race can be told. Fields are in alphabetical order, as designated initialisers need it;
/// where one is not given, `pool.with(...)`'s `.losers`, `.stop` and `.timeout` hold.
template <class T>
struct race_options {
  /// Whether a value is good enough; one that is refused makes its contender a loser with
  /// `rejected`. Called on the contender's thread (the one that ends its future, if it answers
  /// later), for several contenders at a time.
  std::function<bool(const T&)> accept = {};
  /// Time for the whole race; 0: no limit. Then it is stopped and throws `timed_out`.
  std::chrono::nanoseconds deadline{0};
  /// What becomes of the others. Unless they are joined, the callable and its arguments are
  /// copied (moved, if they are handed over), and what these refer to must outlive the loser.
  std::optional<filch::losers> losers = {};
  /// Receives the value of a contender that succeeded after the race was decided, which is
  /// destroyed otherwise: to close what it has opened, or keep it for later. Called on the
  /// contender's thread, for several at a time; must not throw, and must outlive losers that are
  /// abandoned.
  std::function<void(T&&)> on_late = {};
  /// Each contender starts that long after the one before it, or as soon as that one has failed;
  /// 0: all start at once.
  std::chrono::nanoseconds stagger{0};
  /// Stops the race from outside.
  std::stop_token stop = {};
};

namespace detail {

/// What contenders use, apart from their line: one piece, so that it can be destroyed at once.
template <class T, class Line>
struct race_payload {
  template <class Make>
  race_payload(const Make& make, std::function<bool(const T&)> judge, std::function<void(T&&)> late)
      : line(make()), accept(std::move(judge)), on_late(std::move(late)), values(line.size()) {}

  using call_result = decltype(std::declval<Line&>().call(0));

  Line line;
  std::function<bool(const T&)> accept;
  std::function<void(T&&)> on_late;
  std::vector<std::optional<T>> values;
};

template <class T, class Line>
class typed_race final : public race_core {
 public:
  using payload = race_payload<T, Line>;

  typed_race(call_scope& scope, const race_plan& plan, std::unique_ptr<payload> what)
      : race_core(scope, plan), payload_(std::move(what)) {}

  race_result<T> take(std::size_t place) {
    const race_winner& who = winner(place);
    return {std::move(*payload_->values[who.index]), who.index, who.elapsed};
  }

 private:
  ref<future_base> call(std::size_t i) override {
    if constexpr (Line::later) {
      return payload_->line.call(i).shared();
    } else {
      payload_->values[i].emplace(payload_->line.call(i));
      judge(i);
      return {};
    }
  }
  void collect(std::size_t i, future_base& from) override {
    if constexpr (Line::later) {
      using answer = typename payload::call_result::value_type;
      auto& state = static_cast<future_state<answer>&>(from);
      if constexpr (std::is_void_v<answer>) {
        payload_->values[i].emplace();
      } else if constexpr (std::is_reference_v<answer>) {
        payload_->values[i].emplace(*state.value());
      } else {
        state.wait_for_readers();
        payload_->values[i].emplace(std::move(state.value()));
      }
      judge(i);
    }
  }
  void judge(std::size_t i) {
    if (payload_->accept && !payload_->accept(std::as_const(*payload_->values[i]))) {
      throw_rejected();
    }
  }
  void forget(std::size_t i) noexcept override { payload_->line.forget(i); }
  void drop(std::size_t i) noexcept override { payload_->values[i].reset(); }
  void late(std::size_t i) noexcept override {
    if (payload_->on_late) payload_->on_late(std::move(*payload_->values[i]));
    drop(i);
  }
  void dispose() noexcept override { payload_.reset(); }

  std::unique_ptr<payload> payload_;
};

/// What a race leaves behind, however it ends.
class race_end {
 public:
  explicit race_end(race_core& race) noexcept : race_(race) {}
  race_end(const race_end&) = delete;
  race_end& operator=(const race_end&) = delete;
  ~race_end() { race_.tidy(); }

 private:
  race_core& race_;
};

/// What the options of a race and of its pool's view come to. Not inline: g++ 12 under the address
/// sanitizer else sees an empty optional read.
FILCH_API race_plan plan_race(const job_options& of_view, const std::optional<losers>& after,
                              std::chrono::nanoseconds deadline, std::chrono::nanoseconds stagger);

template <class T>
race_plan plan_race(const bound& b, const race_options<T>& options) {
  return plan_race(b.options, options.losers, options.deadline, options.stagger);
}

/// Runs a race over the line that `make` makes; `take` gets the winners out of it.
template <class T, class Make, class Take>
auto run_race(const bound& b, race_plan plan, race_options<T>& options, const Make& make,
              const Take& take) {
  using race_type = typed_race<T, decltype(make())>;
  call_scope scope(b.core, b.options.lane, b.options.name,
                   options.stop.stop_possible() ? options.stop : b.options.stop);
  auto what = std::make_unique<typename race_type::payload>(make, std::move(options.accept),
                                                            std::move(options.on_late));
  plan.contenders = what->line.size();
  plan.later = decltype(what->line)::later;
  const auto race = make_ref<race_type>(scope, plan, std::move(what));
  const race_end tidy_up(*race);
  race->hold();
  return take(*race);
}

/// Chooses between borrowing from the caller and owning copies.
template <class T, class Lines, class Take>
auto run_race_of(const bound& b, const race_plan& plan, race_options<T>& options,
                 const Lines& lines, const Take& take) {
  if (plan.structured) return run_race(b, plan, options, [&] { return lines.borrow(); }, take);
  if constexpr (Lines::can_own) {
    return run_race(b, plan, options, [&] { return lines.own(); }, take);
  } else {
    throw_cannot_own();
  }
}

inline constexpr auto take_first = [](auto& race) { return race.take(0); };
inline constexpr auto take_all = [](auto& race) {
  std::vector<decltype(race.take(0))> all;
  all.reserve(race.wanted());
  for (std::size_t place = 0; place < race.wanted(); ++place) all.push_back(race.take(place));
  return all;
};

/// The value of a race with the callable F over the range X, and of one of the callables F...
template <class F, class X>
using range_race_value = typename range_lines<F, X>::value;
template <class F, class X>
struct race_types {
  using options = race_options<range_race_value<F, X>>;
};
template <class... F>
using callables_race_value = typename callables_lines<F...>::value;

template <class T>
inline constexpr bool is_race_options = false;
template <class T>
inline constexpr bool is_race_options<race_options<T>> = true;

}  // namespace detail

/// `race`, `race_of`, `race_completed` and `first_n` for pools and views.
template <class Self>
class race_verbs {
 public:
  /// The first success among f(x) for each x: its value, which x it was, and how long it took.
  /// All contenders start at once, or staggered; one that throws, or whose value is not accepted,
  /// has lost. The others are asked to stop once the winner's value is safe.
  ///
  /// Cost: a thread and an allocation for each contender; where f answers later, no thread.
  /// Threads: f is called from several at once. It is called as an lvalue.
  /// Blocks: until there is a winner and, with `losers::join`, all others have ended.
  /// Throws: `race_failed` with every error, in the order of xs, if all have lost; `timed_out` at
  /// the deadline; `cancelled` when the caller was stopped; `std::invalid_argument` for an empty
  /// range, or if losers are to be abandoned and f or an element cannot be copied. Errors of losers
  /// of a race that somebody won are counted as suppressed.
  /// Lifetime: with `losers::join` (the default) f and xs are borrowed for the call and nothing
  /// of the race is left when it returns. See `race_options::losers` for the others.
  template <class F, std::ranges::input_range X>
  auto race(F&& f, X&& xs, race_options<detail::range_race_value<F, X>> options = {}) const {
    return over<F, X>(f, xs, options, [](detail::race_plan&) {}, detail::take_first);
  }

  /// As `race`, among callables without arguments; the value is of their common type.
  template <class... F>
    requires(sizeof...(F) > 0 && (!detail::is_race_options<std::remove_cvref_t<F>> && ...))
  auto race_of(F&&... f) const {
    return race_of(race_options<detail::callables_race_value<F...>>{}, std::forward<F>(f)...);
  }
  /// As above, with options: `race_of(filch::race_options<page>{.stagger = 20ms}, get, ask)`.
  template <class T, class... F>
    requires(sizeof...(F) > 0)
  auto race_of(race_options<T> options, F&&... f) const {
    using lines = detail::callables_lines<F...>;
    static_assert(std::is_same_v<T, typename lines::value>,
                  "filch: race_options<T> needs the common type of the callables' results as T");
    const auto bound = self().bound();
    return detail::run_race_of(bound, detail::plan_race(bound, options), options,
                               lines{std::forward_as_tuple(std::forward<F>(f)...)},
                               detail::take_first);
  }

  /// The first contender that ends in whatever way: its value, or its error thrown again.
  /// Otherwise as `race`; a value that is not accepted is an error.
  template <class F, std::ranges::input_range X>
  auto race_completed(F&& f, X&& xs,
                      race_options<detail::range_race_value<F, X>> options = {}) const {
    return over<F, X>(
        f, xs, options, [](detail::race_plan& plan) { plan.errors_win = true; },
        detail::take_first);
  }

  /// The first k successes among f(x) for each x, in the order of their completion; k = 0 starts
  /// nothing. Otherwise as `race`. Throws: `race_failed` as soon as fewer than k can succeed.
  template <class F, std::ranges::input_range X>
  auto first_n(std::size_t k, F&& f, X&& xs,
               race_options<detail::range_race_value<F, X>> options = {}) const {
    using result = race_result<detail::range_race_value<F, X>>;
    if (k == 0) return std::vector<result>();
    return over<F, X>(
        f, xs, options, [k](detail::race_plan& plan) { plan.wanted = k; }, detail::take_all);
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  template <class F, class X, class T, class Adjust, class Take>
  auto over(std::remove_reference_t<F>& f, std::remove_reference_t<X>& xs, race_options<T>& options,
            const Adjust& adjust, const Take& take) const {
    const auto bound = self().bound();
    auto plan = detail::plan_race(bound, options);
    adjust(plan);
    return detail::run_race_of(bound, plan, options, detail::range_lines<F, X>{f, xs}, take);
  }
};

namespace detail {

struct race_fn {
  template <class F, std::ranges::input_range X>
  auto operator()(F&& f, X&& xs, race_options<range_race_value<F, X>> options = {}) const {
    return current_verbs<race_verbs>{}.race(std::forward<F>(f), std::forward<X>(xs),
                                            std::move(options));
  }
};
struct race_of_fn {
  template <class... A>
  auto operator()(A&&... a) const {
    return current_verbs<race_verbs>{}.race_of(std::forward<A>(a)...);
  }
};
struct race_completed_fn {
  template <class F, std::ranges::input_range X>
  auto operator()(F&& f, X&& xs, race_options<range_race_value<F, X>> options = {}) const {
    return current_verbs<race_verbs>{}.race_completed(std::forward<F>(f), std::forward<X>(xs),
                                                      std::move(options));
  }
};
struct first_n_fn {
  template <class F, std::ranges::input_range X>
  auto operator()(std::size_t k, F&& f, X&& xs,
                  race_options<range_race_value<F, X>> options = {}) const {
    return current_verbs<race_verbs>{}.first_n(k, std::forward<F>(f), std::forward<X>(xs),
                                               std::move(options));
  }
};

}  // namespace detail

/// `race(f, xs[, options])`: `race_verbs::race` on the pool of the running job, else on the default
/// pool.
inline constexpr detail::race_fn race{};
/// `race_of([options,] f...)`: `race_verbs::race_of`, likewise.
inline constexpr detail::race_of_fn race_of{};
/// `race_completed(f, xs[, options])`: `race_verbs::race_completed`, likewise.
inline constexpr detail::race_completed_fn race_completed{};
/// `first_n(k, f, xs[, options])`: `race_verbs::first_n`, likewise.
inline constexpr detail::first_n_fn first_n{};

}  // namespace v0
}  // namespace filch
