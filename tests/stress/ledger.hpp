#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// \file
/// A cell for each job of a run, to show that every job ran exactly once.

namespace filch_test {

/// The cells of one road's jobs. They are plain: two runs of one job at the same time, or a wait
/// that ends before the job has, are data races that ThreadSanitizer reports.
struct cells {
  std::uint8_t* first = nullptr;
  std::size_t size = 0;

  /// The job of that number runs.
  void mark(std::size_t i) const { ++first[i]; }
  /// Whoever waited for the job was told that it was cancelled.
  void excuse(std::size_t i) const { first[i] = static_cast<std::uint8_t>(first[i] + excused); }

  static constexpr std::uint8_t ran = 1;
  static constexpr std::uint8_t excused = 16;
};

/// The cells of a whole round.
class page {
 public:
  explicit page(std::size_t n) : cells_(n) {}
  void clear() { cells_.assign(cells_.size(), 0); }
  cells part(std::size_t from, std::size_t n) { return {cells_.data() + from, n}; }
  std::size_t size() const { return cells_.size(); }
  /// The first cell that is neither run once nor excused once; `size()` if there is none.
  std::size_t first_wrong() const {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (cells_[i] != cells::ran && cells_[i] != cells::excused) return i;
    }
    return cells_.size();
  }
  std::size_t excused() const {
    std::size_t n = 0;
    for (const auto cell : cells_) n += cell == cells::excused ? 1 : 0;
    return n;
  }
  int value(std::size_t i) const { return cells_[i]; }

 private:
  std::vector<std::uint8_t> cells_;
};

}  // namespace filch_test
