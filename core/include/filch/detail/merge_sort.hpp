#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/phases.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Two sorted runs and where their merger goes; offsets into one array and another.
struct merge_part {
  std::size_t left;
  std::size_t left_end;
  std::size_t right;
  std::size_t right_end;
  std::size_t to;
  bool done = false;
};

/// Memory for n elements, all of which are alive once `fill` has returned.
template <class T>
class spare_array {
 public:
  explicit spare_array(std::size_t n) : n_(n), at_(std::allocator<T>().allocate(n)) {}
  spare_array(const spare_array&) = delete;
  spare_array& operator=(const spare_array&) = delete;
  ~spare_array() {
    std::destroy_n(at_, made_);
    std::allocator<T>().deallocate(at_, n_);
  }
  template <class It>
  void fill(It from) noexcept {
    using difference = std::iter_difference_t<It>;
    for (; made_ < n_; ++made_) {
      ::new (static_cast<void*>(at_ + made_)) T(std::move(from[static_cast<difference>(made_)]));
    }
  }
  T* data() noexcept { return at_; }

 private:
  std::size_t n_;
  T* at_;
  std::size_t made_ = 0;
};

/// A parallel merge sort. Blocks are sorted where they are; then each round merges pairs of runs
/// from one array into the other, cut into parts of equal length that threads merge on their own.
/// A part whose comparison fails moves the rest of its elements unsorted, parts that never ran are
/// moved in the end, so no element is lost or doubled once the blocks are sorted.
template <class It, class Less>
class merge_sort {
  using value = std::iter_value_t<It>;
  using difference = std::iter_difference_t<It>;

 public:
  /// The fewest elements worth a block of their own, and the most blocks.
  static constexpr std::size_t least = 2048;
  static constexpr std::size_t most = 64;

  static std::size_t blocks_for(std::size_t n) noexcept {
    return std::bit_floor(std::clamp<std::size_t>(n / least, 1, most));
  }
  /// Loops that `run` makes of `phases`.
  static std::size_t loops_for(std::size_t n) noexcept {
    return 1 + static_cast<std::size_t>(std::bit_width(blocks_for(n)) - 1);
  }

  merge_sort(It first, std::size_t n, Less& less)
      : first_(first), n_(n), less_(less), blocks_(blocks_for(n)) {}

  void run(phases& loop) {
    loop.run(blocks_, n_ / blocks_ + 1, [this](std::size_t b) {
      std::ranges::sort(at(border(b)), at(border(b + 1)), std::ref(less_));
    });
    if (blocks_ == 1) return;
    spare_array<value> spare(n_);
    spare.fill(first_);
    value* const other = spare.data();
    // The elements are in the spare array now; after each round in the other of the two.
    bool in_spare = true;
    std::exception_ptr error;
    for (std::size_t width = 1; width < blocks_ && !error; width *= 2) {
      error = in_spare ? round(loop, other, first_, width) : round(loop, first_, other, width);
      in_spare = !in_spare;
    }
    if (in_spare) std::move(other, other + n_, first_);
    if (error) std::rethrow_exception(error);
  }

 private:
  It at(std::size_t i) const { return first_ + static_cast<difference>(i); }
  std::size_t border(std::size_t block) const noexcept {
    const auto extra = n_ % blocks_;
    return block * (n_ / blocks_) + std::min(block, extra);
  }

  /// Merges neighbouring runs of `width` blocks. All elements are in `to` afterwards, error or not.
  template <class From, class To>
  std::exception_ptr round(phases& loop, From from, To to, std::size_t width) noexcept {
    std::vector<merge_part> parts;
    std::exception_ptr error;
    try {
      parts = plan(from, width);
      loop.run(parts.size(), n_ / parts.size() + 1,
               [&](std::size_t i) { merge(from, to, parts[i]); });
    } catch (...) {
      error = std::current_exception();
    }
    if (!error) return error;
    if (parts.empty()) {
      move_run(from, 0, n_, to, 0);
    } else {
      for (auto& part : parts) {
        if (!part.done) move_rest(from, to, part);
      }
    }
    return error;
  }

  /// Cuts the merging of a round into parts, by bisection; all comparing that may fail before
  /// anything has moved.
  template <class From>
  std::vector<merge_part> plan(From from, std::size_t width) {
    std::vector<merge_part> parts;
    for (std::size_t b = 0; b < blocks_; b += 2 * width) {
      const auto low = border(b);
      const auto middle = border(b + width);
      const auto high = border(b + 2 * width);
      const std::size_t pieces = 2 * width;
      std::size_t left = low;
      for (std::size_t k = 1; k <= pieces; ++k) {
        const auto reach = (high - low) / pieces * k + (high - low) % pieces * k / pieces;
        const auto to = k == 1 ? low : parts.back().to + length(parts.back());
        merge_part part{left, middle, middle + (to - low) - (left - low), high, to};
        if (k < pieces) {
          part.left_end = split(from, part, low, middle, high, reach);
          part.right_end = middle + reach - (part.left_end - low);
        }
        parts.push_back(part);
        left = part.left_end;
      }
    }
    return parts;
  }
  static std::size_t length(const merge_part& p) noexcept {
    return (p.left_end - p.left) + (p.right_end - p.right);
  }

  /// Where the left run ends in the first `reach` elements of the merger; never in front of where
  /// the part begins, however `less` contradicts itself.
  template <class From>
  std::size_t split(From from, const merge_part& part, std::size_t low, std::size_t middle,
                    std::size_t high, std::size_t reach) {
    const auto begun = part.left - low;
    const auto wanted = reach - (part.to - low);
    const auto rest = high - middle;
    auto least_left = std::max(begun, reach > rest ? reach - rest : 0);
    auto most_left = std::min(begun + wanted, middle - low);
    while (least_left < most_left) {
      const auto take = least_left + (most_left - least_left) / 2;
      // Of equal elements those on the left go first.
      if (!less_(get(from, middle + reach - take - 1), get(from, low + take))) {
        least_left = take + 1;
      } else {
        most_left = take;
      }
    }
    return low + least_left;
  }

  template <class From>
  static decltype(auto) get(From from, std::size_t i) {
    return from[static_cast<std::iter_difference_t<From>>(i)];
  }
  template <class From, class To>
  static void move_run(From from, std::size_t lo, std::size_t hi, To to, std::size_t at) noexcept {
    for (; lo < hi; ++lo, ++at) get(to, at) = std::move(get(from, lo));
  }
  template <class From, class To>
  static void move_rest(From from, To to, merge_part& part) noexcept {
    move_run(from, part.left, part.left_end, to, part.to);
    part.to += part.left_end - part.left;
    move_run(from, part.right, part.right_end, to, part.to);
    part.done = true;
  }

  template <class From, class To>
  void merge(From from, To to, merge_part& part) {
    auto now = part;
    try {
      while (now.left < now.left_end && now.right < now.right_end) {
        const bool right_first = less_(get(from, now.right), get(from, now.left));
        auto& next = right_first ? now.right : now.left;
        get(to, now.to) = std::move(get(from, next));
        ++next;
        ++now.to;
      }
    } catch (...) {
      move_rest(from, to, now);
      part.done = true;
      throw;
    }
    move_rest(from, to, now);
    part.done = true;
  }

  It first_;
  std::size_t n_;
  Less& less_;
  std::size_t blocks_;
};

/// Sorts within one call of a pool.
template <class R, class Cmp, class Proj>
void sort_call(const bound& b, R& range, Cmp& cmp, Proj& proj, const job_options& options) {
  using reference = std::ranges::range_reference_t<R&>;
  using value = std::ranges::range_value_t<R&>;
  call_scope call(b.core, options.lane, options.name, options.stop);
  auto less = [&cmp, &proj](auto&& x, auto&& y) -> bool {
    return std::invoke(cmp, std::invoke(proj, x), std::invoke(proj, y));
  };
  auto first = std::ranges::begin(range);
  const auto n = static_cast<std::size_t>(std::ranges::size(range));
  if constexpr (std::is_same_v<reference, value&> && std::is_nothrow_move_constructible_v<value> &&
                std::is_nothrow_move_assignable_v<value>) {
    using sorter = merge_sort<decltype(first), decltype(less)>;
    phases loop(call, options, n, sorter::loops_for(n));
    sorter(first, n, less).run(loop);
  } else {
    phases loop(call, options, n, 1);
    const auto last = first + static_cast<std::ranges::range_difference_t<R&>>(n);
    loop.run(1, n, [&](std::size_t) {
      if constexpr (std::sortable<decltype(first), Cmp, Proj>) {
        std::ranges::sort(first, last, std::ref(cmp), std::ref(proj));
      } else {  // proxies of containers that do not know the concept, as vector<bool>
        std::sort(first, last, std::ref(less));
      }
    });
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
