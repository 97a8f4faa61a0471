#pragma once

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace filch {
inline namespace v0 {

/// What became of one item of `map_try`: its value, or the exception it threw.
template <class T>
class [[nodiscard]] outcome {
 public:
  using value_type = T;

  /// The outcome of an item that returned `value`.
  outcome(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  /// The outcome of an item that returned T(args...).
  template <class... A>
  explicit outcome(std::in_place_t, A&&... args)
      : held_(std::in_place_index<0>, std::forward<A>(args)...) {}
  /// The outcome of an item that threw `error`. Requires: not null.
  static outcome failure(std::exception_ptr error) noexcept {
    return outcome(failure_mark{}, std::move(error));
  }

  /// True if the item returned.
  bool has_value() const noexcept { return held_.index() == 0; }
  /// As `has_value()`.
  explicit operator bool() const noexcept { return has_value(); }

  /// The value. Throws: what the item threw.
  T& value() & { return checked(*this); }
  /// The same.
  const T& value() const& { return checked(*this); }
  /// The same, moved out.
  T&& value() && { return std::move(checked(*this)); }
  /// The value. Requires: `has_value()`.
  T& operator*() & noexcept { return *std::get_if<0>(&held_); }
  /// The same.
  const T& operator*() const& noexcept { return *std::get_if<0>(&held_); }
  /// The same, moved out.
  T&& operator*() && noexcept { return std::move(*std::get_if<0>(&held_)); }
  /// The value, or null where the item threw.
  T* operator->() noexcept { return std::get_if<0>(&held_); }
  /// The same.
  const T* operator->() const noexcept { return std::get_if<0>(&held_); }
  /// The value, or `other` where the item threw.
  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  /// The same, moved out.
  template <class U>
  T value_or(U&& other) && {
    return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(other));
  }

  /// What the item threw; null where it has a value.
  std::exception_ptr error() const noexcept {
    const auto* held = std::get_if<1>(&held_);
    return held ? *held : nullptr;
  }

 private:
  struct failure_mark {};
  outcome(failure_mark, std::exception_ptr error) noexcept
      : held_(std::in_place_index<1>, std::move(error)) {}

  template <class Self>
  static auto& checked(Self& self) {
    if (!self.has_value()) std::rethrow_exception(self.error());
    return *std::get_if<0>(&self.held_);
  }
  std::variant<T, std::exception_ptr> held_;
};

/// What became of one item without a value.
template <>
class [[nodiscard]] outcome<void> {
 public:
  using value_type = void;

  /// The outcome of an item that returned.
  outcome() noexcept = default;
  /// The same.
  explicit outcome(std::in_place_t) noexcept {}
  /// The outcome of an item that threw `error`. Requires: not null.
  static outcome failure(std::exception_ptr error) noexcept {
    outcome o;
    o.error_ = std::move(error);
    return o;
  }

  /// True if the item returned.
  bool has_value() const noexcept { return !error_; }
  /// As `has_value()`.
  explicit operator bool() const noexcept { return has_value(); }
  /// Throws: what the item threw.
  void value() const {
    if (error_) std::rethrow_exception(error_);
  }
  /// Does nothing.
  void operator*() const noexcept {}
  /// What the item threw; null where it returned.
  std::exception_ptr error() const noexcept { return error_; }

 private:
  std::exception_ptr error_;
};

}  // namespace v0
}  // namespace filch
