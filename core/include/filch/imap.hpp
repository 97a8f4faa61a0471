#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/free_verbs.hpp>
#include <filch/detail/stream.hpp>

namespace filch {
inline namespace v0 {

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
/// Threads: one consumer at a time, which may change; only the consumer's thread reads the input.
/// Lifetime: the destructor stops what runs and waits for it; what has not started never runs.
/// Owns the callable, and ranges given as rvalues; refers to ranges given as lvalues, and hands
/// their elements to the callable by reference if the range gives out references.
template <class T>
class [[nodiscard]] stream {
 public:
  using value_type = T;

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
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.at_->at_end();
    }

    /// For `begin()`.
    explicit iterator(detail::stream_cursor<T>* at) noexcept : at_(at) {}

   private:
    detail::stream_cursor<T>* at_ = nullptr;
  };

  stream(stream&&) noexcept = default;
  stream& operator=(stream&& other) noexcept = default;

  /// Waits for the next element. A second call goes on where the stream is.
  iterator begin() {
    at_->advance();
    return iterator(at_.get());
  }
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

  /// For filch's own verbs.
  explicit stream(detail::ref<detail::stream_core> core)
      : at_(std::make_unique<detail::stream_cursor<T>>(std::move(core))) {}

 private:
  std::unique_ptr<detail::stream_cursor<T>> at_;  // where iterators find it if the stream is moved
};

/// `imap`, `istarmap` and their unordered forms, for pools and views.
///
/// Options: `.buffer` (how many elements may be ahead of the consumer; 0: twice what can run at
/// once), `.in_flight`, `.lane`, `.name`, `.on_progress` (called on the consumer's thread),
/// `.stop`, `.timeout` (of the whole stream, from the call on), `.timeout_each` (that element then
/// throws `timed_out`). Given as the last argument they replace those of the view. Each element is
/// a job, so `.chunk` has no meaning; errors are raised at their elements, so other `.errors` are
/// refused. Cost: one allocation for each element.
template <class Self>
class stream_verbs {
 public:
  /// `f(x)` for each element of `xs`, in input order. The first `buffer` elements are read and
  /// queued at once; each step of the consumer reads one more. `xs` may be infinite, single-pass,
  /// and its elements move-only.
  /// Throws: `pool_closed`, `forked_pool`; `std::invalid_argument` for `.errors` other than the
  /// default.
  template <class F, std::ranges::input_range R>
  auto imap(F&& f, R&& xs, const job_options& options = detail::no_options()) const {
    return make<true, false>(std::forward<F>(f), std::forward<R>(xs), options);
  }
  /// As `imap`, in order of completion: `indexed_value`s `{index, value}`.
  template <class F, std::ranges::input_range R>
  auto imap_unordered(F&& f, R&& xs, const job_options& options = detail::no_options()) const {
    return make<false, false>(std::forward<F>(f), std::forward<R>(xs), options);
  }
  /// As `imap`, for tuple-like elements: `f(a, b, ...)` for each `(a, b, ...)`.
  template <class F, std::ranges::input_range R>
  auto istarmap(F&& f, R&& zipped, const job_options& options = detail::no_options()) const {
    return make<true, true>(std::forward<F>(f), std::forward<R>(zipped), options);
  }
  /// As `istarmap`, in order of completion: `{index, value}`.
  template <class F, std::ranges::input_range R>
  auto istarmap_unordered(F&& f, R&& zipped,
                          const job_options& options = detail::no_options()) const {
    return make<false, true>(std::forward<F>(f), std::forward<R>(zipped), options);
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  template <bool Ordered, bool Spread, class F, class R>
  auto make(F&& f, R&& range, const job_options& last) const {
    using state = detail::mapped_stream<Ordered, Spread, R, std::decay_t<F>>;
    const auto bound = self().bound();
    auto core = detail::make_ref<state>(bound.core, detail::chosen(bound, last), std::forward<F>(f),
                                        std::forward<R>(range));
    return stream<typename state::type>(std::move(core));
  }
};

namespace detail {

struct imap_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& xs, const job_options& options = no_options()) const {
    return current_verbs<stream_verbs>().imap(std::forward<F>(f), std::forward<R>(xs), options);
  }
};
struct imap_unordered_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& xs, const job_options& options = no_options()) const {
    return current_verbs<stream_verbs>().imap_unordered(std::forward<F>(f), std::forward<R>(xs),
                                                        options);
  }
};
struct istarmap_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& zipped, const job_options& options = no_options()) const {
    return current_verbs<stream_verbs>().istarmap(std::forward<F>(f), std::forward<R>(zipped),
                                                  options);
  }
};
struct istarmap_unordered_fn {
  template <class F, std::ranges::input_range R>
  auto operator()(F&& f, R&& zipped, const job_options& options = no_options()) const {
    return current_verbs<stream_verbs>().istarmap_unordered(std::forward<F>(f),
                                                            std::forward<R>(zipped), options);
  }
};

}  // namespace detail

/// The same verbs on the pool of the running job, else on the default pool.
inline constexpr detail::imap_fn imap{};
inline constexpr detail::imap_unordered_fn imap_unordered{};
inline constexpr detail::istarmap_fn istarmap{};
inline constexpr detail::istarmap_unordered_fn istarmap_unordered{};

}  // namespace v0
}  // namespace filch
