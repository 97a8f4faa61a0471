#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>

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

/// How elements of a range given as R are kept and handed to the callable.
template <class R>
struct stream_input {
  using view = std::views::all_t<R>;
  using kept = typename kept_of<view>::type;
  using value = std::remove_reference_t<kept>;
  using spare = value&;
  using element = std::conditional_t<std::is_lvalue_reference_v<kept> && !gives_elements_away<R>,
                                     value&, value&&>;
};

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

 public:
  using type = typename yielded<Ordered, result>::type;

  template <class G>
  mapped_stream(pool_core& core, const job_options& options, G&& f, R&& range)
      : stream_core(core, options, Ordered ? order::input : order::completion, count_of(range)),
        f_(std::in_place, std::forward<G>(f)),
        range_(std::in_place, std::views::all(std::forward<R>(range))) {}

 private:
  class item final : public stream_value<type> {
   public:
    item(mapped_stream& stream, std::size_t index)
        : stream_value<type>(stream, index),
          stream_(stream),
          input_(std::in_place, stream.keep_current()) {}

   private:
    void call() override {
      if constexpr (!Ordered) {
        this->value_.emplace(type{this->index(), make()});
      } else if constexpr (std::is_reference_v<type>) {
        this->value_.emplace(std::addressof(make()));
      } else {
        this->value_.emplace(make());
      }
    }
    typename yielded<true, result>::value make() {
      auto f = caller_of<Spread>(*stream_.f_);
      if constexpr (std::is_void_v<result>) {
        invoke_job<void>(f, static_cast<element>(input()));
        return {};
      } else {
        return invoke_job<result>(f, static_cast<element>(input()));
      }
    }
    typename mapped_stream::input::value& input() noexcept {
      if constexpr (std::is_lvalue_reference_v<typename mapped_stream::input::kept>) {
        return **input_;
      } else {
        return *input_;
      }
    }
    void drop_input() noexcept override { input_.reset(); }

    mapped_stream& stream_;  // alive: the item holds the stream
    std::optional<stored<typename mapped_stream::input::kept>> input_;
  };

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
  void drop() noexcept override {
    at_.reset();
    range_.reset();
    f_.reset();
  }

  std::optional<F> f_;
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
    auto item = core_->next(failure_);
    item_ = ref<stream_value<T>>::adopt(static_cast<stream_value<T>*>(item.detach()));
    if (item_) failure_ = item_->error();
  }
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
    if (item_) item_->drop_value();
    item_ = {};
    failure_ = nullptr;
  }

 private:
  ref<stream_core> core_;
  ref<stream_value<T>> item_;
  std::exception_ptr failure_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
