#pragma once

#include <compare>
#include <cstddef>
#include <iterator>
#include <stdexcept>

namespace filch_test {

/// What a throwing range throws; `index` says at which element.
class range_failed : public std::runtime_error {
 public:
  explicit range_failed(std::size_t at)
      : std::runtime_error("this range fails, as the test asked"), index(at) {}
  std::size_t index;
};

/// Which operation of the range throws.
enum class failing { begin, dereference, increment, never };

/// The numbers 0 .. n-1, whose iterator throws `range_failed` at element `at`. `Category` is the
/// strength of its iterators: input, forward or random access.
template <class Category = std::forward_iterator_tag>
class throwing_range {
 public:
  class iterator {
   public:
    using iterator_concept = Category;
    using iterator_category = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using reference = int;
    using pointer = void;

    iterator() = default;
    iterator(const throwing_range* range, std::ptrdiff_t i) : range_(range), i_(i) {}

    int operator*() const {
      range_->fail(failing::dereference, i_);
      return static_cast<int>(i_);
    }
    iterator& operator++() {
      range_->fail(failing::increment, i_);
      ++i_;
      return *this;
    }
    iterator operator++(int) {
      auto before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.i_ == b.i_; }

    // Random access; unused (and harmless) for weaker categories.
    iterator& operator--() {
      --i_;
      return *this;
    }
    iterator operator--(int) {
      auto before = *this;
      --i_;
      return before;
    }
    iterator& operator+=(std::ptrdiff_t n) {
      i_ += n;
      return *this;
    }
    iterator& operator-=(std::ptrdiff_t n) {
      i_ -= n;
      return *this;
    }
    int operator[](std::ptrdiff_t n) const { return *(*this + n); }
    friend iterator operator+(iterator it, std::ptrdiff_t n) { return it += n; }
    friend iterator operator+(std::ptrdiff_t n, iterator it) { return it += n; }
    friend iterator operator-(iterator it, std::ptrdiff_t n) { return it -= n; }
    friend std::ptrdiff_t operator-(const iterator& a, const iterator& b) { return a.i_ - b.i_; }
    friend auto operator<=>(const iterator& a, const iterator& b) { return a.i_ <=> b.i_; }

   private:
    const throwing_range* range_ = nullptr;
    std::ptrdiff_t i_ = 0;
  };

  throwing_range(std::size_t n, std::size_t at, failing where)
      : n_(static_cast<std::ptrdiff_t>(n)), at_(static_cast<std::ptrdiff_t>(at)), where_(where) {}

  iterator begin() const {
    if (where_ == failing::begin) throw range_failed(0);
    return {this, 0};
  }
  iterator end() const { return {this, n_}; }

 private:
  void fail(failing operation, std::ptrdiff_t i) const {
    if (operation == where_ && i == at_) throw range_failed(static_cast<std::size_t>(i));
  }
  std::ptrdiff_t n_;
  std::ptrdiff_t at_;
  failing where_;
};

static_assert(std::forward_iterator<throwing_range<>::iterator>);
static_assert(
    std::random_access_iterator<throwing_range<std::random_access_iterator_tag>::iterator>);
static_assert(!std::forward_iterator<throwing_range<std::input_iterator_tag>::iterator>);

}  // namespace filch_test
