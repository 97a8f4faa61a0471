#pragma once

#include <cstddef>
#include <iterator>
#include <ranges>
#include <thread>
#include <utility>
#include <vector>

namespace filch_test {

/// A single-pass range: its iterators are input iterators that can only be moved, its elements
/// are moved out. Tells how far it was advanced, and whether by one thread only.
template <class T>
class input_range {
 public:
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    explicit iterator(input_range* range) : range_(range) {}
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;

    T&& operator*() const { return std::move(range_->values_[range_->at_]); }
    iterator& operator++() {
      range_->step();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) {
      return it.range_->at_end();
    }

   private:
    input_range* range_ = nullptr;
  };

  explicit input_range(std::vector<T> values) : values_(std::move(values)) {}
  input_range(input_range&&) = default;
  input_range& operator=(input_range&&) = default;

  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() const { return {}; }

  /// How often an iterator was advanced.
  std::size_t steps() const { return at_; }
  bool at_end() const { return at_ == values_.size(); }
  /// True if no other thread than the range's maker advanced it.
  bool advanced_by_its_maker_only() const { return !foreign_; }

 private:
  void step() {
    if (std::this_thread::get_id() != maker_) foreign_ = true;
    ++at_;
  }
  std::vector<T> values_;
  std::size_t at_ = 0;
  std::thread::id maker_ = std::this_thread::get_id();
  bool foreign_ = false;
};

/// The numbers 0, 1, 2, ... without an end, single-pass. Tells how far it was advanced.
class endless_input {
 public:
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    explicit iterator(endless_input* range) : range_(range) {}
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;

    int operator*() const { return static_cast<int>(range_->at_); }
    iterator& operator++() {
      ++range_->at_;
      return *this;
    }
    void operator++(int) { ++*this; }

   private:
    endless_input* range_ = nullptr;
  };

  iterator begin() { return iterator(this); }
  std::unreachable_sentinel_t end() const { return {}; }
  /// How often an iterator was advanced.
  std::size_t steps() const { return at_; }

 private:
  std::size_t at_ = 0;
};

static_assert(std::ranges::input_range<input_range<int>>);
static_assert(!std::ranges::forward_range<input_range<int>>);
static_assert(std::ranges::input_range<endless_input>);

}  // namespace filch_test
