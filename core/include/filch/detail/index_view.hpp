#pragma once

#include <compare>
#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

/// A random-access iterator over `get(0), get(1), ...`. Differences are `ptrdiff_t`, whatever the
/// integers are: those of `std::views::iota` over 64-bit integers are 128 bits wide, and slow.
template <class Get>
class index_iterator {
 public:
  using reference = std::invoke_result_t<const Get&, std::ptrdiff_t>;
  using value_type = std::remove_cvref_t<reference>;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category =
      std::conditional_t<std::is_lvalue_reference_v<reference>, std::random_access_iterator_tag,
                         std::input_iterator_tag>;

  index_iterator() = default;
  constexpr index_iterator(Get get, difference_type at) : get_(get), at_(at) {}

  constexpr reference operator*() const { return get_(at_); }
  // In unsigned arithmetic: else compilers cannot tell that it goes up by one in a loop over n.
  constexpr reference operator[](difference_type n) const {
    return get_(static_cast<difference_type>(std::size_t(at_) + std::size_t(n)));
  }
  constexpr index_iterator& operator+=(difference_type n) {
    at_ += n;
    return *this;
  }
  constexpr index_iterator& operator-=(difference_type n) { return *this += -n; }
  constexpr index_iterator& operator++() { return *this += 1; }
  constexpr index_iterator& operator--() { return *this -= 1; }
  constexpr index_iterator operator++(int) { return std::exchange(*this, *this + 1); }
  constexpr index_iterator operator--(int) { return std::exchange(*this, *this - 1); }
  friend constexpr index_iterator operator+(index_iterator i, difference_type n) { return i += n; }
  friend constexpr index_iterator operator+(difference_type n, index_iterator i) { return i += n; }
  friend constexpr index_iterator operator-(index_iterator i, difference_type n) { return i -= n; }
  friend constexpr difference_type operator-(const index_iterator& a, const index_iterator& b) {
    return a.at_ - b.at_;
  }
  friend constexpr bool operator==(const index_iterator& a, const index_iterator& b) {
    return a.at_ == b.at_;
  }
  friend constexpr auto operator<=>(const index_iterator& a, const index_iterator& b) {
    return a.at_ <=> b.at_;
  }

 private:
  Get get_{};
  difference_type at_ = 0;
};

/// The view over `get(0)` to `get(n - 1)`.
template <class Get>
class index_view : public std::ranges::view_interface<index_view<Get>> {
 public:
  index_view() = default;
  constexpr index_view(Get get, std::ptrdiff_t n) : get_(get), n_(n) {}
  constexpr auto begin() const { return index_iterator<Get>(get_, 0); }
  constexpr auto end() const { return index_iterator<Get>(get_, n_); }
  constexpr std::size_t size() const noexcept { return static_cast<std::size_t>(n_); }

 private:
  Get get_{};
  std::ptrdiff_t n_ = 0;
};

/// The view over `get(0), get(1), ...` without an end.
template <class Get>
class endless_index_view : public std::ranges::view_interface<endless_index_view<Get>> {
 public:
  endless_index_view() = default;
  constexpr explicit endless_index_view(Get get) : get_(get) {}
  constexpr auto begin() const { return index_iterator<Get>(get_, 0); }
  constexpr std::unreachable_sentinel_t end() const noexcept { return {}; }

 private:
  Get get_{};
};

/// Counts up from `low`.
template <class T>
struct count_from {
  T low{};
  constexpr T operator()(std::ptrdiff_t i) const {
    // That narrow ones never wrap around must be known, or compilers leave loops over them scalar;
    // a range from the lowest to the highest integer cannot overflow in unsigned arithmetic.
    if constexpr (sizeof(T) < sizeof(i)) {
      const std::ptrdiff_t sum = low + i;
      constexpr std::numeric_limits<T> of;
      if (sum < of.min() || sum > of.max()) __builtin_unreachable();
      return static_cast<T>(sum);
    } else {
      return static_cast<T>(std::size_t(low) + std::size_t(i));
    }
  }
};

/// The i-th of contiguous pieces whose lengths differ by at most one.
template <class T>
struct piece_of {
  T low{};
  std::size_t length = 0;
  std::size_t extra = 0;
  constexpr std::pair<T, T> operator()(std::ptrdiff_t i) const {
    const auto index = static_cast<std::size_t>(i);
    return {border(index), border(index + 1)};
  }
  constexpr T border(std::size_t i) const {
    return count_from<T>{low}(static_cast<std::ptrdiff_t>(i * length + (i < extra ? i : extra)));
  }
};

/// A reference to one value, again and again.
template <class T>
struct same_value {
  const T* value = nullptr;
  constexpr const T& operator()(std::ptrdiff_t) const noexcept { return *value; }
};

/// A value that can be assigned even where T only has constructors, as views must be.
template <class T>
class value_box {
 public:
  template <class U>
  constexpr explicit value_box(std::in_place_t, U&& value)
      : value_(std::in_place, std::forward<U>(value)) {}
  value_box(const value_box&) = default;
  value_box(value_box&&) = default;
  constexpr value_box& operator=(const value_box& other)
    requires std::copy_constructible<T>
  {
    if (this != &other) replace(other.value_);
    return *this;
  }
  constexpr value_box& operator=(value_box&& other) {
    if (this != &other) replace(std::move(other.value_));
    return *this;
  }
  ~value_box() = default;
  constexpr const T* get() const noexcept { return std::addressof(*value_); }

 private:
  template <class Other>
  constexpr void replace(Other&& other) {
    value_.reset();
    if (other) value_.emplace(*std::forward<Other>(other));
  }
  std::optional<T> value_;
};

/// One value, `n` times or for ever; the view owns it.
template <class T, bool Endless>
class repeat_view : public std::ranges::view_interface<repeat_view<T, Endless>> {
 public:
  template <class U>
  constexpr explicit repeat_view(std::in_place_t, U&& value, std::ptrdiff_t n = 0)
      : value_(std::in_place, std::forward<U>(value)), n_(n) {}
  constexpr auto begin() const { return at(0); }
  constexpr auto end() const {
    if constexpr (Endless) {
      return std::unreachable_sentinel;
    } else {
      return at(n_);
    }
  }
  constexpr std::size_t size() const noexcept
    requires(!Endless)
  {
    return static_cast<std::size_t>(n_);
  }

 private:
  constexpr auto at(std::ptrdiff_t i) const {
    return index_iterator<same_value<T>>({value_.get()}, i);
  }
  value_box<T> value_;
  std::ptrdiff_t n_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch

template <class Get>
inline constexpr bool std::ranges::enable_borrowed_range<filch::detail::index_view<Get>> = true;
template <class Get>
inline constexpr bool std::ranges::enable_borrowed_range<filch::detail::endless_index_view<Get>> =
    true;
