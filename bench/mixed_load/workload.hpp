#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "harness/contest.hpp"

/// \file
/// A second of computing in a thousand elements, and 256 jobs that sleep and tell nobody.

namespace filch::bench::mixed_load {

constexpr std::size_t usual_sleepers = 256;
constexpr std::size_t elements_per_sleeper = 4;
constexpr std::chrono::milliseconds nap{200};

/// x -> factor * x + summand, modulo 2^64. Each step waits for the one before, so that an element
/// takes about a millisecond wherever the processor does 4 cycles a step; and many steps are one
/// such map too, so that the answer can be checked in no time.
struct affine {
  std::uint64_t factor = 6364136223846793005U;
  std::uint64_t summand = 1442695040888963407U;

  std::uint64_t operator()(std::uint64_t x) const noexcept { return factor * x + summand; }
  /// First `this`, then `next`.
  affine then(const affine& next) const noexcept { return {factor * next.factor, next(summand)}; }
};

constexpr std::uint64_t steps = 700'000;

/// Element `i` by all its steps. Not inlined: where a runtime's loop lets it, the compiler would
/// compute two elements at once, in two thirds of the time.
[[gnu::noinline]] inline std::uint64_t computed(std::size_t i) noexcept {
  constexpr affine step{};
  std::uint64_t x = i;
  for (std::uint64_t k = 0; k < steps; ++k) x = step(x);
  return x;
}

/// All steps as one, by squaring.
inline affine all_steps() noexcept {
  affine all{1, 0};
  affine power{};
  for (std::uint64_t left = steps; left > 0; left /= 2, power = power.then(power)) {
    if (left % 2 == 1) all = all.then(power);
  }
  return all;
}

/// The results of one map.
class results {
 public:
  explicit results(std::size_t elements) : values_(elements) {}
  void operator()(std::size_t i) noexcept { values_[i] = computed(i); }
  void check() const {
    const auto all = all_steps();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i] != all(i)) wrong("element " + std::to_string(i));
    }
  }

 private:
  std::vector<std::uint64_t> values_;
};

/// Jobs that sleep. Each holds a share of what it writes to: the last may still be returning when
/// the others' waiter has gone.
class sleepers {
 public:
  explicit sleepers(std::size_t n) : shared_(std::make_shared<state>(n)) {}

  auto job() const {
    return [shared = shared_] {
      std::this_thread::sleep_for(nap);
      shared->awake_at[shared->awake.fetch_add(1, std::memory_order_relaxed)] = now();
      if (shared->asleep.fetch_sub(1, std::memory_order_acq_rel) == 1) shared->asleep.notify_all();
    };
  }
  /// Waits for all; when the last one woke.
  double last() const {
    for (;;) {
      const auto left = shared_->asleep.load(std::memory_order_acquire);
      if (left == 0) break;
      shared_->asleep.wait(left, std::memory_order_acquire);
    }
    return *std::max_element(shared_->awake_at.begin(), shared_->awake_at.end());
  }

 private:
  struct state {
    explicit state(std::size_t n) : awake_at(n), asleep(n) {}
    std::vector<double> awake_at;
    std::atomic<std::size_t> awake{0};
    std::atomic<std::size_t> asleep;
  };
  std::shared_ptr<state> shared_;
};

}  // namespace filch::bench::mixed_load
