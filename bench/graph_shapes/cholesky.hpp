#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "harness/contest.hpp"
#include "shape.hpp"

/// \file
/// The Cholesky factor of a symmetric positive definite matrix, block by block, as in the tiled
/// algorithm of PLASMA (Buttari et al. 2009): real arithmetic in a graph with much and little
/// parallelism.

namespace filch::bench::graph_shapes {

class cholesky {
 public:
  cholesky(std::size_t side, std::size_t block)
      : side_(side), block_(block), blocks_(side / block), start_(side * side) {
    std::mt19937 random(3);
    for (std::size_t i = 0; i < side; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        const double x = static_cast<double>(random() % 1000) / 1000;
        start_[i * side + j] = start_[j * side + i] = i == j ? x + static_cast<double>(side) : x;
      }
    }
    list_tasks();
    prepare();
    for (std::size_t i = 0; i < todo_.size(); ++i) run(i);
    expected_ = matrix_;
  }

  const shape& tasks() const { return tasks_; }
  void prepare() { matrix_ = start_; }
  /// Each block is written in one order only, so that the factor is the same to the last bit.
  void check() const {
    if (matrix_ != expected_) wrong("another factor than the serial program's");
  }

  void run(std::size_t task) {
    const auto [i, j, k] = todo_[task];
    if (i == k) return factor(at(k, k));  // then j is k, too
    if (j == k) return solve(at(i, k), at(k, k));
    subtract(at(i, j), at(i, k), at(j, k));
  }

 private:
  struct operation {
    std::size_t i, j, k;
  };

  void list_tasks() {
    std::vector<std::vector<std::uint32_t>> before;
    constexpr auto nobody = static_cast<std::uint32_t>(-1);
    std::vector<std::uint32_t> writer(blocks_ * blocks_, nobody);
    const auto add = [&](std::size_t i, std::size_t j, std::size_t k, auto... reads) {
      std::vector<std::uint32_t> list;
      for (const std::size_t b : {i * blocks_ + j, reads...}) {
        if (writer[b] != nobody && std::find(list.begin(), list.end(), writer[b]) == list.end()) {
          list.push_back(writer[b]);
        }
      }
      writer[i * blocks_ + j] = static_cast<std::uint32_t>(todo_.size());
      todo_.push_back({i, j, k});
      before.push_back(list);
    };
    for (std::size_t k = 0; k < blocks_; ++k) {
      add(k, k, k);
      for (std::size_t i = k + 1; i < blocks_; ++i) add(i, k, k, k * blocks_ + k);
      for (std::size_t i = k + 1; i < blocks_; ++i) {
        for (std::size_t j = k + 1; j <= i; ++j) {
          add(i, j, k, i * blocks_ + k, j * blocks_ + k);
        }
      }
    }
    tasks_ = make_shape("Cholesky", todo_.size(), [&](std::size_t i, auto& list) {
      list.insert(list.end(), before[i].begin(), before[i].end());
    });
  }

  double* at(std::size_t i, std::size_t j) { return &matrix_[(i * side_ + j) * block_]; }

  void factor(double* a) const {
    for (std::size_t c = 0; c < block_; ++c) {
      for (std::size_t r = c; r < block_; ++r) {
        double x = a[r * side_ + c];
        for (std::size_t m = 0; m < c; ++m) x -= a[r * side_ + m] * a[c * side_ + m];
        a[r * side_ + c] = r == c ? std::sqrt(x) : x / a[c * side_ + c];
      }
    }
  }
  void solve(double* a, const double* diagonal) const {
    for (std::size_t r = 0; r < block_; ++r) {
      for (std::size_t c = 0; c < block_; ++c) {
        double x = a[r * side_ + c];
        for (std::size_t m = 0; m < c; ++m) x -= a[r * side_ + m] * diagonal[c * side_ + m];
        a[r * side_ + c] = x / diagonal[c * side_ + c];
      }
    }
  }
  [[gnu::noinline]] void subtract(double* a, const double* left, const double* right) const {
    for (std::size_t r = 0; r < block_; ++r) {
      for (std::size_t c = 0; c < block_; ++c) {
        double x = 0;
        for (std::size_t m = 0; m < block_; ++m) x += left[r * side_ + m] * right[c * side_ + m];
        a[r * side_ + c] -= x;
      }
    }
  }

  const std::size_t side_, block_, blocks_;
  std::vector<double> start_, matrix_, expected_;
  std::vector<operation> todo_;
  shape tasks_;
};

/// What a node of the factorisation does.
struct factor_block {
  cholesky* matrix;
  void operator()(std::size_t i) const { matrix->run(i); }
};

}  // namespace filch::bench::graph_shapes
