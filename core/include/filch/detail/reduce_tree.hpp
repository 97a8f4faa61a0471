#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include <filch/detail/results.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Combines the values of n leaves pairwise, by a tree that depends on n alone, as they come in.
///
/// Node [lo, lo + width) combines its left half's value with its right half's, both kept at their
/// lowest leaf. Whoever completes the second half does it and goes on upwards, so the combining is
/// as parallel as the tree; a half without leaves passes its sibling's value on.
template <class T>
class reduce_tree {
 public:
  explicit reduce_tree(std::size_t leaves)
      : leaves_(leaves), values_(leaves), one_side_(new std::atomic<bool>[leaves]()) {}

  /// Hands in leaf i's value and combines what can be. Threads: one call for each leaf. Throws:
  /// what op or `make` throws; the tree then never completes.
  template <class Make, class Op>
  void put(std::size_t i, Make&& make, Op& op) {
    const auto values = values_.write();
    values.put(i, std::forward<Make>(make));
    std::size_t at = i;
    for (std::size_t width = 2; width / 2 < leaves_; width *= 2) {
      const std::size_t left = at - at % width;
      const std::size_t right = left + width / 2;
      at = left;
      if (right >= leaves_) continue;
      // The lowest leaf of a right half belongs to this node alone.
      // order: who comes second sees the other half's value [pair:HALVES]
      if (!one_side_[right].exchange(true, std::memory_order_acq_rel)) return;
      values[left] =
          static_cast<T>(std::invoke(op, std::move(values[left]), std::move(values[right])));
    }
  }
  /// The value of the whole. Requires: all leaves were put. Sees: all of them, after the loop.
  T& root() { return values_.write()[0]; }

 private:
  std::size_t leaves_;
  results<T> values_;
  std::unique_ptr<std::atomic<bool>[]> one_side_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
