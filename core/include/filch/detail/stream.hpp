#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <filch/detail/answer.hpp>
#include <filch/detail/each.hpp>
#include <filch/detail/future_state.hpp>
#include <filch/detail/source.hpp>
#include <filch/detail/stream_core.hpp>

/// \file
/// The typed half of stream_core.hpp: input, callable and values.

namespace filch {
inline namespace v0 {

/// An element of an unordered stream: where its input stood, and what came of it.
template <class T>
struct indexed_value {
  std::size_t index;
  T value;
};

namespace detail {

/// An item whose value is a T.
template <class T>
class stream_value : public stream_item {
 public:
  stored<T>& value() noexcept { return *value_; }
  void drop_value() noexcept override { value_.reset(); }

 protected:
  using stream_item::stream_item;
  std::optional<stored<T>> value_;
};

/// Whether a T refers to what is somebody else's, as far as its type tells.
template <class T>
inline constexpr bool refers = std::is_reference_v<T>;
template <class T>
inline constexpr bool refers<std::reference_wrapper<T>> = true;
template <class... T>
inline constexpr bool refers<std::tuple<T...>> = (refers<T> || ...);
template <class T, class U>
inline constexpr bool refers<std::pair<T, U>> = refers<T> || refers<U>;

/// How elements of a range given as R are kept and handed to the callable.
template <class R>
struct stream_input {
  using view = std::views::all_t<R>;
  using kept = typename kept_of<view>::type;
  using value = std::remove_reference_t<kept>;
  using spare = value&;
  using element = std::conditional_t<std::is_lvalue_reference_v<kept> && !gives_elements_away<R>,
                                     value&, value&&>;
  /// Nothing that an item is given belongs to somebody else, as far as types tell: the range is a
  /// container that was handed over, or the item has the element itself (and no proxy of it).
  static constexpr bool owned =
      (!std::is_lvalue_reference_v<R> && !std::ranges::view<R> && !std::ranges::borrowed_range<R> &&
       !refers<std::ranges::range_value_t<view>>) ||
      (!refers<kept> && std::is_same_v<kept, std::ranges::range_value_t<view>>);
};

/// What a key is made of, and what the options of a stream are named after.
template <class R>
using stream_element = std::remove_cv_t<typename stream_input<R>::value>;
template <class X>
class stream_key : public std::function<std::string(const X&)> {
  using base = std::function<std::string(const X&)>;
  template <class F>
  static base as_text(F f) {
    using result = std::invoke_result_t<F&, const X&>;
    if constexpr (std::is_convertible_v<result, std::string>) {
      return base(std::move(f));
    } else if constexpr (std::is_constructible_v<std::string, result>) {
      return [f = std::move(f)](const X& x) { return std::string(f(x)); };
    } else {
      static_assert(std::is_integral_v<std::remove_cvref_t<result>>,
                    "filch: the key of a stream's element is a text or a whole number");
      return [f = std::move(f)](const X& x) { return std::to_string(f(x)); };
    }
  }

 public:
  stream_key() noexcept = default;
  stream_key(std::nullptr_t) noexcept {}
  template <class F>
    requires(!std::is_base_of_v<stream_key, F> && std::is_invocable_v<F&, const X&>)
  stream_key(F f) : base(as_text(std::move(f))) {}
};

/// Whether a callable that was given an E can be given it once more.
template <class E>
inline constexpr bool given_again =
    std::is_lvalue_reference_v<E> || std::is_trivially_copyable_v<std::remove_reference_t<E>>;
template <class... E>
inline constexpr bool given_again<std::tuple<E...>> = (given_again<E> && ...);
template <class... E>
inline constexpr bool given_again<std::tuple<E...>&&> = (given_again<E> && ...);

/// What a stream yields for a callable that returns R.
template <bool Ordered, class R>
struct yielded {
  using value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  using type = std::conditional_t<Ordered, value, filch::indexed_value<value>>;
};

/// The callable and the input of a stream. They live here, where items find them, however the
/// stream itself is moved about.
template <bool Ordered, bool Spread, class R, class F>
class mapped_stream final : public stream_core {
  using input = stream_input<R>;
  using view = typename input::view;
  using caller = decltype(caller_of<Spread>(std::declval<F&>()));
  using element = element_for<caller, input>;
  using result = job_result<caller, element>;
  using answer = answer_of<result>;
  using key_type = stream_key<stream_element<R>>;

 public:
  using type = typename yielded<Ordered, answer>::type;

  template <class G>
  mapped_stream(pool_core& core, stream_plan plan, key_type key, G&& f, R&& range)
      : stream_core(core, with_types(std::move(plan), static_cast<bool>(key)),
                    Ordered ? order::input : order::completion, count_of(range)),
        f_(std::in_place, std::forward<G>(f)),
        key_(std::move(key)),
        range_(std::in_place, std::views::all(std::forward<R>(range))) {}

 private:
  class item final : public stream_value<type> {
   public:
    item(mapped_stream& stream, std::size_t index)
        : stream_value<type>(stream, index),
          stream_(stream),
          input_(std::in_place, stream.keep_current()) {}

    typename mapped_stream::input::value& input() noexcept {
      if constexpr (std::is_lvalue_reference_v<typename mapped_stream::input::kept>) {
        return **input_;
      } else {
        return *input_;
      }
    }

   private:
    ref<future_base> call() override {
      auto f = caller_of<Spread>(*stream_.f_);
      const auto invoke = [&]() -> result {
        return invoke_job<result>(f, static_cast<element>(input()));
      };
      if constexpr (comes_later<result>) {
        return ref<future_base>(invoke().shared());
      } else {
        store(invoke);
        return {};
      }
    }
    void take(future_base& made) override {
      if constexpr (comes_later<result>) {
        store([&]() -> answer { return take_value(static_cast<future_state<answer>&>(made)); });
      }
    }
    template <class Make>
    void store(const Make& make) {
      const auto value = [&]() -> typename yielded<true, answer>::value {
        if constexpr (std::is_void_v<answer>) {
          make();
          return {};
        } else {
          return make();
        }
      };
      if constexpr (!Ordered) {
        this->value_.emplace(type{this->index(), value()});
      } else if constexpr (std::is_reference_v<type>) {
        this->value_.emplace(std::addressof(value()));
      } else {
        this->value_.emplace(value());
      }
    }
    void drop_input() noexcept override { input_.reset(); }

    mapped_stream& stream_;  // alive: the item holds the stream
    std::optional<stored<typename mapped_stream::input::kept>> input_;
  };

  static stream_plan with_types(stream_plan plan, bool keyed) {
    plan.keyed = keyed;
    plan.asynchronous = comes_later<result>;
    plan.owns = input::owned && !refers<F>;
    plan.repeatable = given_again<element>;
    return plan;
  }
  // For progress only, so a range that fails here is left to fail where it is read.
  static std::size_t count_of(const std::remove_reference_t<R>& range) noexcept {
    if constexpr (std::ranges::sized_range<const std::remove_reference_t<R>&>) {
      try {
        return static_cast<std::size_t>(std::ranges::size(range));
      } catch (...) {
        return 0;
      }
    } else {
      return 0;
    }
  }
  stored<typename input::kept> keep_current() {
    if constexpr (std::is_lvalue_reference_v<typename input::kept>) {
      return std::addressof(**at_);
    } else {
      return keep<typename input::kept>(**at_);
    }
  }
  // Advances as late as it can: an input that blocks is not asked for more than the window takes.
  ref<stream_item> read(std::size_t index) override {
    if (at_) {
      ++*at_;
    } else {
      at_.emplace(std::ranges::begin(*range_));
    }
    if (*at_ == std::ranges::end(*range_)) return {};
    return make_ref<item>(*this, index);
  }
  std::string key_of(stream_item& one) override {
    return key_(std::as_const(static_cast<item&>(one).input()));
  }
  void drop() noexcept override {
    at_.reset();
    range_.reset();
    key_ = nullptr;
    f_.reset();
  }

  std::optional<F> f_;
  key_type key_;
  std::optional<view> range_;
  std::optional<std::ranges::iterator_t<view>> at_;
};

/// Where the consumer stands: on an element, on a failure, or at the end.
template <class T>
class stream_cursor {
 public:
  explicit stream_cursor(ref<stream_core> core) : core_(std::move(core)) { core_->start(); }
  stream_cursor(const stream_cursor&) = delete;
  stream_cursor& operator=(const stream_cursor&) = delete;
  ~stream_cursor() {
    let_go();
    core_->end();
  }

  void advance() {
    let_go();
    index_.reset();
    auto item = core_->next(failure_);
    item_ = ref<stream_value<T>>::adopt(static_cast<stream_value<T>*>(item.detach()));
    if (!item_) return;
    failure_ = item_->error();
    index_ = item_->index();
  }
  std::optional<std::size_t> index() const noexcept { return index_; }
  bool at_end() const noexcept { return !item_ && !failure_; }
  T&& value() const {
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(*item_->value());
    } else {
      return std::move(item_->value());
    }
  }
  void let_go() noexcept {
    if (item_) item_->give_up_value();
    item_ = {};
    failure_ = nullptr;
  }

 private:
  ref<stream_core> core_;
  ref<stream_value<T>> item_;
  std::exception_ptr failure_;
  std::optional<std::size_t> index_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
