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

#ifdef _GLIBCXX_SANITIZE_VECTOR
/// AddressSanitizer was told to watch the memory that vectors keep in reserve.
inline constexpr bool reserve_is_guarded = true;
#else
inline constexpr bool reserve_is_guarded = false;
#endif

/// Results that are plain bytes: written straight into the vector's memory.
template <class R>
inline constexpr bool written_in_place =
    std::is_trivially_copyable_v<R> && std::is_copy_constructible_v<R> &&
    !std::is_same_v<R, bool> && !reserve_is_guarded;

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

/// The threads write into memory that the vector has reserved, and are the first to touch it:
/// page faults, most of the cost of a large result, are theirs to share. A vector that is made
/// with n elements writes all of them once, on one thread.
template <class R>
  requires written_in_place<R>
class results<R> {
 public:
  struct writer {
    R* at;
    template <class Make>
    void put(std::size_t i, Make&& make) const {
      ::new (static_cast<void*>(at + i)) R(std::forward<Make>(make)());
    }
    R& operator[](std::size_t i) const { return at[i]; }
  };
  explicit results(std::size_t n) : n_(n) { out_.reserve(n); }
  writer write() noexcept { return {out_.data()}; }
  /// All results. Requires: all were made.
  std::vector<R> take() {
    // The elements are where insert puts them: it copies bytes onto themselves.
    const R* const made = out_.data();
    out_.insert(out_.end(), made, made + n_);
    return std::move(out_);
  }

 private:
  std::size_t n_;
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
