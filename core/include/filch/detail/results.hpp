#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Results that cost nothing to make in advance and to assign: written straight into the vector.
template <class R>
inline constexpr bool assigned_in_place =
    std::is_trivially_default_constructible_v<R> && std::is_trivially_move_assignable_v<R> &&
    std::is_trivially_destructible_v<R>;

/// Room for n results that threads fill at the same time, each its own. Those that were made are
/// destroyed if the others never come. All memory is taken before the first call.
template <class R>
class results {
  static_assert(std::is_move_constructible_v<R>,
                "filch: results are moved into the vector, so they must be movable");

 public:
  /// How the loop's body makes results; a copy of it costs two words.
  struct writer {
    R* at;
    bool* made;
    template <class Make>
    void put(std::size_t i, Make&& make) const {
      ::new (static_cast<void*>(at + i)) R(std::forward<Make>(make)());
      made[i] = true;
    }
    /// Makes a result again, or for the first time.
    template <class Make>
    void replace(std::size_t i, Make&& make) const {
      if (made[i]) {
        made[i] = false;
        at[i].~R();
      }
      put(i, std::forward<Make>(make));
    }
    R& operator[](std::size_t i) const { return at[i]; }
    bool has(std::size_t i) const { return made[i]; }
  };

  explicit results(std::size_t n) : n_(n), made_(new bool[n]()) {
    out_.reserve(n);
    at_ = std::allocator<R>().allocate(n);
  }
  results(const results&) = delete;
  results& operator=(const results&) = delete;
  ~results() {
    for (std::size_t i = 0; i < n_; ++i) {
      if (made_[i]) at_[i].~R();
    }
    std::allocator<R>().deallocate(at_, n_);
  }
  writer write() noexcept { return {at_, made_.get()}; }
  /// All results. Requires: all were made.
  std::vector<R> take() {
    for (std::size_t i = 0; i < n_; ++i) out_.push_back(std::move(at_[i]));
    return std::move(out_);
  }

 private:
  std::size_t n_;
  std::unique_ptr<bool[]> made_;
  std::vector<R> out_;
  R* at_ = nullptr;
};

template <class R>
  requires(assigned_in_place<R> && !std::is_same_v<R, bool>)
class results<R> {
 public:
  struct writer {
    R* at;
    template <class Make>
    void put(std::size_t i, Make&& make) const {
      at[i] = std::forward<Make>(make)();
    }
    R& operator[](std::size_t i) const { return at[i]; }
  };
  explicit results(std::size_t n) : out_(n) {}
  writer write() noexcept { return {out_.data()}; }
  std::vector<R> take() { return std::move(out_); }

 private:
  std::vector<R> out_;
};

/// The bits of a `vector<bool>` share words, so threads write bytes first.
template <>
class results<bool> {
 public:
  struct writer {
    bool* at;
    template <class Make>
    void put(std::size_t i, Make&& make) const {
      at[i] = std::forward<Make>(make)();
    }
    bool& operator[](std::size_t i) const { return at[i]; }
  };
  explicit results(std::size_t n) : n_(n), bytes_(new bool[n]()), out_(n) {}
  writer write() noexcept { return {bytes_.get()}; }
  std::vector<bool> take() {
    for (std::size_t i = 0; i < n_; ++i) out_[i] = bytes_[i];
    return std::move(out_);
  }

 private:
  std::size_t n_;
  std::unique_ptr<bool[]> bytes_;
  std::vector<bool> out_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
