#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/free_verbs.hpp>
#include <filch/detail/stream.hpp>

namespace filch {
inline namespace v0 {

/// What a stream can be told. Fields are in alphabetical order, as designated initialisers need it.
/// Given as the last argument they replace the options of the view.
template <class X>
struct stream_options {
  /// How many elements may be ahead of the consumer, in the making and made; 0: twice what can run
  /// at once, with a `key` four times that. It bounds how far the input is read, also in search of
  /// an element whose key is not at its limit.
  std::size_t buffer = 0;
  /// How many may be in flight at once; 0: all workers on `lane::cpu`, every element that the
  /// buffer holds on `lane::io` and where the callable returns futures.
  std::size_t in_flight = 0;
  /// What an element is limited by: the host of a URL, the disk of a file, as a text or a whole
  /// number. Called once for each element, on the consumer's thread; what it throws is that
  /// element's error.
  detail::stream_key<X> key = {};
  /// Where elements are made; `lane::io` for what waits.
  filch::lane lane = filch::lane::cpu;
  /// What becomes of an element that goes on though its time is up and it was asked to stop. Not
  /// given: it is waited for, unless the stream may leave it behind (see `stream`), which it does
  /// after 100 ms. `losers::join`: it is always waited for. `join_for(d)`, `abandon`: it is left
  /// behind after `d`, or at once, where it may be.
  std::optional<filch::losers> losers = {};
  /// Shown by `this_job::name()`.
  std::string name = {};
  /// Called on the consumer's thread.
  std::function<void(const progress&)> on_progress = {};
  /// How many of one key may be in flight at once, at least 1; they start in the order of the
  /// input. To be given with `key`, and only then.
  std::size_t per_key = 0;
  /// Stops the stream from outside.
  std::stop_token stop = {};
  /// Time for the whole stream, from the call on; 0: no limit, below 0: it has run out.
  std::chrono::nanoseconds timeout{0};
  /// Time for each element, from the call of its callable on; 0: no limit, below 0: it has run out.
  /// It is then asked to stop and throws `timed_out`.
  std::chrono::nanoseconds timeout_each{0};
};

/// The results of `imap` and its kin as they come, computed a bounded number of elements ahead:
/// a single-pass input range, and an iterator in Python's sense through `next()`.
///
///     for (auto&& page : pool.imap(fetch, urls, {.buffer = 64})) show(page);
///
/// Elements: the callable's results, handed out by `*it` as rvalues, so `for (auto r : ...)` moves
/// them; `std::monostate` where it returns void. An element that failed throws from `*it`, and
/// `++it` goes on to the next. If reading the input throws, if the stream is stopped or runs out
/// of time, or if the pool has been closed, that is thrown at its place, after every element
/// before it, and then the stream ends: it never ends early in silence.
///
/// A callable that returns a `filch::future<R>` makes elements of type R: each is in flight until
/// its future is there, and holds no thread meanwhile. A stop, the end of its time, and the end of
/// the stream reach it by `future.cancel()`. Its input is kept until then.
///
/// An element that fails because the process or the system has no file descriptor left
/// (`std::system_error` with `errc::too_many_files_open` or `..._in_system`, `io::too_many_files`,
/// or an exception that was thrown with such a one nested, as those of `http`) is put back, the
/// number in flight is halved, and grows again, slowly, as others succeed. The error is raised at
/// the element only if it was alone in flight, if it was moved into the callable and so cannot be
/// given to it again, or where what is in flight is not counted: on `lane::cpu` with neither
/// `.in_flight` nor `.key`, and no futures.
///
/// Threads: one consumer at a time, which may change; only the consumer's thread reads the input.
/// Lifetime: the destructor stops what runs and waits for it; what has not started never runs.
/// Owns the callable, and ranges given as rvalues; refers to ranges given as lvalues, and hands
/// their elements to the callable by reference if the range gives out references.
///
/// With `.timeout_each`, an element that ignores its stop is *left behind* where the stream owns
/// all it works with (a container given as an rvalue, or elements that the range makes anew; a
/// callable that is no `std::reference_wrapper`) and no worker works on it (`lane::io`, or its
/// future is awaited): it throws `timed_out`, its place is given to another, and neither the stream
/// nor the pool waits for it. It keeps callable and elements alive; what they refer to in turn
/// (captured references, views) must outlive it, or `.losers = losers::join` be given.
template <class T>
class [[nodiscard]] stream {
 public:
  using value_type = T;

  /// A single-pass iterator; a stream has one place, which all its iterators share.
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = std::remove_cvref_t<T>;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    /// The value of this element. Throws: what the callable threw for it.
    T&& operator*() const { return at_->value(); }
    /// Waits for the next element. Throws: `would_deadlock`; otherwise errors come from `*it`.
    iterator& operator++() {
      at_->advance();
      return *this;
    }
    /// As `++it`.
    void operator++(int) { ++*this; }
    /// True at the end, after the last element.
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.at_->at_end();
    }

    /// \private For `begin()`.
    explicit iterator(detail::stream_cursor<T>* at) noexcept : at_(at) {}

   private:
    detail::stream_cursor<T>* at_ = nullptr;
  };

  /// Takes the stream over; iterators stay valid.
  stream(stream&&) noexcept = default;
  /// The same; what this one had is stopped and joined, as by the destructor.
  stream& operator=(stream&& other) noexcept = default;

  /// Waits for the next element. A second call goes on where the stream is.
  iterator begin() {
    at_->advance();
    return iterator(at_.get());
  }
  /// What an iterator is equal to after the last element.
  std::default_sentinel_t end() const noexcept { return {}; }

  /// The next result, or nothing at the end. Throws: what the element throws; the next call goes
  /// on. (A result that is a reference comes as a `std::reference_wrapper`.)
  auto next() {
    using out = std::conditional_t<std::is_reference_v<T>,
                                   std::reference_wrapper<std::remove_reference_t<T>>, T>;
    at_->advance();
    if (at_->at_end()) return std::optional<out>();
    std::optional<out> value(at_->value());
    at_->let_go();
    return value;
  }

  /// Where in the input the last element stood, also if it threw; empty before the first, at the
  /// end, and where the stream itself failed.
  std::optional<std::size_t> index() const noexcept { return at_->index(); }

  /// \private For filch's own verbs.
  explicit stream(detail::ref<detail::stream_core> core)
      : at_(std::make_unique<detail::stream_cursor<T>>(std::move(core))) {}

 private:
  std::unique_ptr<detail::stream_cursor<T>> at_;  // where iterators find it if the stream is moved
};

namespace detail {

template <class R>
struct stream_types {
  using options = stream_options<stream_element<R>>;
};

/// What a stream is told, taken apart: what has the type of the element, and the rest.
template <class X>
struct stream_wish {
  explicit stream_wish(const job_options& o) : plan(plan_stream(o)) {}
  explicit stream_wish(stream_options<X>&& o) : key(std::move(o.key)) {
    plan.buffer = o.buffer;
    plan.in_flight = o.in_flight;
    plan.lane = o.lane;
    plan.losers = o.losers;
    plan.name = std::move(o.name);
    plan.on_progress = std::move(o.on_progress);
    plan.per_key = o.per_key;
    plan.stop = std::move(o.stop);
    plan.timeout = o.timeout;
    plan.timeout_each = o.timeout_each;
  }
  stream_plan plan;
  stream_key<X> key;
};

}  // namespace detail

/// `imap`, `istarmap` and their unordered forms, for pools and views.
///
/// Options: as the last argument a `stream_options`, in braces; or a `job_options` object, such as
/// `filch::on_io`, of which `.buffer`, `.in_flight`, `.lane`, `.name`, `.on_progress`, `.stop`,
/// `.timeout` and `.timeout_each` hold. They replace those of the view. Each element is a job, so
/// `.chunk` has no meaning; errors are raised at their elements, so other `.errors` are refused.
/// Cost: one allocation for each element; for one with a key or a future one more.
template <class Self>
class stream_verbs {
 public:
  /// `f(x)` for each element of `xs`, in input order. The first `buffer` elements are read and
  /// queued at once; each step of the consumer reads one more. `xs` may be infinite, single-pass,
  /// and its elements move-only.
  /// Throws: `pool_closed`, `forked_pool`; `std::invalid_argument` for `.errors` other than the
  /// default, and for one of `.key` and `.per_key` without the other.
  template <class F, std::ranges::input_range R>
  auto imap(F&& f, R&& xs) const {
    return make<true, false>(std::forward<F>(f), std::forward<R>(xs));
  }
  /// The same with options of its own.
  template <class F, std::ranges::input_range R,
            class O = typename detail::stream_types<R>::options>
  auto imap(F&& f, R&& xs, O options) const {
    return make<true, false>(std::forward<F>(f), std::forward<R>(xs), std::move(options));
  }
  /// As `imap`, in order of completion: `indexed_value`s `{index, value}`.
  template <class F, std::ranges::input_range R>
  auto imap_unordered(F&& f, R&& xs) const {
    return make<false, false>(std::forward<F>(f), std::forward<R>(xs));
  }
  /// The same with options of its own.
  template <class F, std::ranges::input_range R,
            class O = typename detail::stream_types<R>::options>
  auto imap_unordered(F&& f, R&& xs, O options) const {
    return make<false, false>(std::forward<F>(f), std::forward<R>(xs), std::move(options));
  }
  /// As `imap`, for tuple-like elements: `f(a, b, ...)` for each `(a, b, ...)`.
  template <class F, std::ranges::input_range R>
  auto istarmap(F&& f, R&& zipped) const {
    return make<true, true>(std::forward<F>(f), std::forward<R>(zipped));
  }
  /// The same with options of its own.
  template <class F, std::ranges::input_range R,
            class O = typename detail::stream_types<R>::options>
  auto istarmap(F&& f, R&& zipped, O options) const {
    return make<true, true>(std::forward<F>(f), std::forward<R>(zipped), std::move(options));
  }
  /// As `istarmap`, in order of completion: `{index, value}`.
  template <class F, std::ranges::input_range R>
  auto istarmap_unordered(F&& f, R&& zipped) const {
    return make<false, true>(std::forward<F>(f), std::forward<R>(zipped));
  }
  /// The same with options of its own.
  template <class F, std::ranges::input_range R,
            class O = typename detail::stream_types<R>::options>
  auto istarmap_unordered(F&& f, R&& zipped, O options) const {
    return make<false, true>(std::forward<F>(f), std::forward<R>(zipped), std::move(options));
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  template <bool Ordered, bool Spread, class F, class R, class... O>
  auto make(F&& f, R&& range, O&&... last) const {
    using state = detail::mapped_stream<Ordered, Spread, R, std::decay_t<F>>;
    using wish = detail::stream_wish<detail::stream_element<R>>;
    static_assert((std::is_constructible_v<wish, O> && ...),
                  "filch: the last argument of a stream is its options: stream_options in braces, "
                  "as {.in_flight = 8}, or a job_options object");
    const auto bound = self().bound();
    wish what = [&] {
      if constexpr (sizeof...(O) == 0) {
        return wish(bound.options);
      } else {
        return wish(std::forward<O>(last)...);
      }
    }();
    auto core = detail::make_ref<state>(bound.core, std::move(what.plan), std::move(what.key),
                                        std::forward<F>(f), std::forward<R>(range));
    return stream<typename state::type>(std::move(core));
  }
};

namespace detail {

struct imap_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& xs) const {
    return current_verbs<stream_verbs>().imap(std::forward<F>(f), std::forward<R>(xs));
  }
  template <class F, std::ranges::input_range R, class O = typename stream_types<R>::options>
  auto operator()(F&& f, R&& xs, O options) const {
    return current_verbs<stream_verbs>().imap(std::forward<F>(f), std::forward<R>(xs),
                                              std::move(options));
  }
};
struct imap_unordered_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& xs) const {
    return current_verbs<stream_verbs>().imap_unordered(std::forward<F>(f), std::forward<R>(xs));
  }
  template <class F, std::ranges::input_range R, class O = typename stream_types<R>::options>
  auto operator()(F&& f, R&& xs, O options) const {
    return current_verbs<stream_verbs>().imap_unordered(std::forward<F>(f), std::forward<R>(xs),
                                                        std::move(options));
  }
};
struct istarmap_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& zipped) const {
    return current_verbs<stream_verbs>().istarmap(std::forward<F>(f), std::forward<R>(zipped));
  }
  template <class F, std::ranges::input_range R, class O = typename stream_types<R>::options>
  auto operator()(F&& f, R&& zipped, O options) const {
    return current_verbs<stream_verbs>().istarmap(std::forward<F>(f), std::forward<R>(zipped),
                                                  std::move(options));
  }
};
struct istarmap_unordered_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& zipped) const {
    return current_verbs<stream_verbs>().istarmap_unordered(std::forward<F>(f),
                                                            std::forward<R>(zipped));
  }
  template <class F, std::ranges::input_range R, class O = typename stream_types<R>::options>
  auto operator()(F&& f, R&& zipped, O options) const {
    return current_verbs<stream_verbs>().istarmap_unordered(
        std::forward<F>(f), std::forward<R>(zipped), std::move(options));
  }
};

}  // namespace detail

/// `imap(f, xs[, options])`: `stream_verbs::imap` on the pool of the running job, else on the
/// default pool.
inline constexpr detail::imap_fn imap{};
/// `imap_unordered(f, xs[, options])`: `stream_verbs::imap_unordered`, likewise.
inline constexpr detail::imap_unordered_fn imap_unordered{};
/// `istarmap(f, zipped[, options])`: `stream_verbs::istarmap`, likewise.
inline constexpr detail::istarmap_fn istarmap{};
/// `istarmap_unordered(f, zipped[, options])`: `stream_verbs::istarmap_unordered`, likewise.
inline constexpr detail::istarmap_unordered_fn istarmap_unordered{};

}  // namespace v0
}  // namespace filch
