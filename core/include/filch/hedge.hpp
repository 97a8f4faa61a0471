#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <ranges>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <filch/detail/export.hpp>
#include <filch/error.hpp>
#include <filch/future.hpp>
#include <filch/race.hpp>
#include <filch/this_job.hpp>

/// \file
/// Ask once more if the answer takes unusually long: `filch::hedge(ask, {.after = 50ms})`.
///
/// Source: Dean and Barroso, The Tail at Scale, 2013; the budget is that of gRPC's proposal A6.

namespace filch {
inline namespace v0 {

/// An extra attempt of a hedged call was not made, because its budget is used up.
class FILCH_API budget_spent : public error {
 public:
  using error::error;
  ~budget_spent() override;
};

/// Bounds the extra load of hedged calls: at most `share` extra attempts for each call, and `burst`
/// more at once. One for all calls to the same service. Threads: any.
class FILCH_API hedge_budget {
 public:
  /// Throws: `std::invalid_argument` unless share is in 0..1 and burst at most a million.
  explicit hedge_budget(double share = 0.05, unsigned burst = 10);
  hedge_budget(const hedge_budget&) = delete;
  hedge_budget& operator=(const hedge_budget&) = delete;

  /// A call begins.
  void deposit() noexcept;
  /// An extra attempt wants to begin; false if there is nothing left for it.
  bool withdraw() noexcept;

 private:
  static constexpr std::int64_t one = 1'000'000;
  const std::int64_t share_;
  const std::int64_t most_;
  std::atomic<std::int64_t> left_;
};

/// Learns how long a service takes: a quantile of the latest some thousand answers, to an eighth.
/// One for all calls of the same kind. Cost: 2 KiB; a mutex and some hundred nanoseconds a call.
/// Threads: any.
class FILCH_API latency_tracker {
 public:
  /// Throws: `std::invalid_argument` unless 0 < quantile < 1.
  explicit latency_tracker(double quantile = 0.95);
  latency_tracker(const latency_tracker&) = delete;
  latency_tracker& operator=(const latency_tracker&) = delete;

  /// An answer took that long.
  void note(std::chrono::nanoseconds took) noexcept;
  /// The quantile; empty before 100 answers are known.
  std::optional<std::chrono::nanoseconds> estimate() const noexcept;

 private:
  // Eight buckets for each power of two, so a bucket is an eighth of its lower end wide.
  static constexpr unsigned steps = 8;
  static constexpr std::size_t buckets = 64 * steps;
  static std::size_t bucket_of(std::uint64_t ns) noexcept;
  static std::uint64_t upper_end(std::size_t bucket) noexcept;

  const double quantile_;
  mutable std::mutex lock_;
  std::array<std::uint32_t, buckets> counts_{};
  std::uint32_t total_ = 0;
};

/// What a hedged call can be told. Fields are in alphabetical order; see `race_options` for those
/// that races have, too.
template <class T>
struct hedge_options {
  /// Whether a value is good enough; see `race_options::accept`.
  std::function<bool(const T&)> accept = {};
  /// The next attempt starts that long after the one before it. 0: only when that has failed.
  std::chrono::nanoseconds after{0};
  /// Bounds the attempts but the first of all calls that share it. Must outlive the call.
  hedge_budget* budget = nullptr;
  /// Time for the whole call; 0: no limit. Then it is stopped and throws `timed_out`.
  std::chrono::nanoseconds deadline{0};
  /// Takes the place of `after` as soon as it knows enough, and learns from each attempt. Must
  /// outlive all attempts, those included that are abandoned.
  latency_tracker* latency = nullptr;
  /// What becomes of the attempts that did not win; f is copied or moved in any case.
  std::optional<filch::losers> losers = {};
  /// How many attempts at most.
  std::size_t max = 2;
  /// Receives values that come too late; see `race_options::on_late`.
  std::function<void(T&&)> on_late = {};
  /// Stops the call from outside.
  std::stop_token stop = {};
};

namespace detail {

/// Whether an extra attempt may begin, by the budget.
class FILCH_API hedge_admission final : public race_admission {
 public:
  explicit hedge_admission(hedge_budget* from) noexcept : from_(from) {}
  bool admits() noexcept override { return !from_ || from_->withdraw(); }

 private:
  hedge_budget* from_;
};

/// Looks the options over; when the next attempt follows. Throws: `std::invalid_argument`.
FILCH_API std::chrono::nanoseconds hedge_delay(std::size_t max, std::chrono::nanoseconds after,
                                               const latency_tracker* latency);

/// One of the attempts: notes how long it takes. Who was stopped would have taken longer still;
/// without it, the slow ones would never be seen.
template <class F>
struct hedged {
  using result = job_result<F&>;
  F f;
  latency_tracker* latency;

  result operator()(std::size_t) {
    if constexpr (comes_later<std::decay_t<result>>) {
      return watched(std::chrono::steady_clock::now(), invoke_job<result>(f));
    } else {
      return timed();
    }
  }

 private:
  using moment = std::chrono::steady_clock::time_point;

  // An answer that comes later is timed when it is there.
  template <class Future>
  Future watched(moment begin, Future answer) {
    if (!latency) return answer;
    try {
      const auto note = [to = latency, begin] {
        to->note(std::chrono::steady_clock::now() - begin);
      };
      answer.on_done([note](const auto&...) { note(); });
      answer.on_error([note, stop = current_stop_token()](const std::exception_ptr&) {
        if (stop.stop_requested()) note();
      });
      return answer;
    } catch (...) {
      answer.cancel();
      throw;
    }
  }

  result timed() {
    struct stopwatch {
      latency_tracker* latency;
      std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
      bool counts = false;
      ~stopwatch() {
        if (!latency || !(counts || this_job::stop_requested())) return;
        latency->note(std::chrono::steady_clock::now() - begin);
      }
    } watch{latency};
    if constexpr (std::is_void_v<result>) {
      invoke_job<result>(f);
      watch.counts = true;
    } else {
      decltype(auto) value = invoke_job<result>(f);
      watch.counts = true;
      return static_cast<result>(std::forward<decltype(value)>(value));
    }
  }
};

using attempts = std::ranges::iota_view<std::size_t, std::size_t>;
template <class F>
using hedge_value = range_race_value<hedged<std::decay_t<F>>, attempts>;

}  // namespace detail

/// `hedge` for pools and views.
template <class Self>
class hedge_verbs {
 public:
  /// Calls f, and once more (up to `.max` times) when it takes longer than `.after`, or fails; the
  /// first success counts, its `index` tells which attempt it was, and the others are asked to
  /// stop. For calls that may safely be made twice.
  ///
  /// Blocks, Throws, Threads: as `race` over the attempts; one that the budget does not allow fails
  /// with `budget_spent`. `std::invalid_argument` for `.max` 0 or `.after` below 0.
  /// Lifetime: f is copied, or moved if it is handed over.
  template <class F>
  auto hedge(F&& f, hedge_options<detail::hedge_value<F>> options) const {
    using T = detail::hedge_value<F>;
    using attempt = detail::hedged<std::decay_t<F>>;
    const auto bound = static_cast<const Self&>(*this).bound();
    race_options<T> as_race{
        .accept = std::move(options.accept),
        .deadline = options.deadline,
        .losers = options.losers,
        .on_late = std::move(options.on_late),
        .stagger = detail::hedge_delay(options.max, options.after, options.latency),
        .stop = std::move(options.stop)};
    detail::hedge_admission admission(options.budget);
    auto plan = detail::plan_race(bound, as_race);
    plan.admission = &admission;
    if (options.budget) options.budget->deposit();
    attempt first{std::forward<F>(f), options.latency};
    detail::attempts all(0, options.max);
    return detail::run_race_of(bound, plan, as_race,
                               detail::range_lines<attempt, detail::attempts>{first, all},
                               detail::take_first);
  }
};

namespace detail {
struct hedge_fn {
  template <class F>
  auto operator()(F&& f, hedge_options<hedge_value<F>> options) const {
    return current_verbs<hedge_verbs>{}.hedge(std::forward<F>(f), std::move(options));
  }
};
/// The types of a hedged call, known once this header is included.
template <class F>
struct hedge_types {
  using options = hedge_options<hedge_value<F>>;
};
}  // namespace detail

/// `hedge(f, options)`: `hedge_verbs::hedge` on the pool of the running job, else on the default
/// pool.
inline constexpr detail::hedge_fn hedge{};

}  // namespace v0
}  // namespace filch
