#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include <filch/detail/each.hpp>
#include <filch/detail/throwing.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// A verb that needs several loops, or loops over blocks: one time limit over all of them, and
/// progress that counts the elements of the range.
///
/// Its loops follow `errors::serial` and report the error of the lowest block, unless
/// `keep_errors`.
class phases {
 public:
  phases(call_scope& call, const job_options& options, std::size_t elements, std::size_t loops)
      : call_(call), options_(options), report_(options.on_progress), n_(elements), loops_(loops) {
    options_.errors = errors::serial;
    options_.chunk = 0;
    if (options_.timeout.count() != 0) deadline_ = deadline_after(options_.timeout);
  }
  job_options& options() noexcept { return options_; }

  /// Runs `step(i)` for `blocks` blocks of about `size` elements each.
  template <class... Callables>
  void run(std::size_t blocks, std::size_t size, Callables... callables) {
    if (options_.timeout.count() != 0) {
      const auto left = deadline_ - std::chrono::steady_clock::now();
      options_.timeout = left.count() > 0 ? left : std::chrono::nanoseconds(-1);
    }
    if (report_) {
      options_.on_progress = [this, size](const progress& p) {
        const auto done = past_ * n_ + std::min(n_, p.done * size);
        report_({done / loops_, p.failed, n_});
      };
    }
    run_each(call_, blocks, options_, std::move(callables)...);
    ++past_;
  }

 private:
  call_scope& call_;
  job_options options_;
  std::function<void(const progress&)> report_;
  std::chrono::steady_clock::time_point deadline_{};
  std::size_t n_;
  std::size_t loops_;
  std::size_t past_ = 0;
};

/// How many elements make a block where the caller did not say: a function of their number alone,
/// so that results do not depend on who computes them. About 256 blocks, of 4096 at most.
constexpr std::size_t block_size(std::size_t n, std::size_t chunk) noexcept {
  constexpr std::size_t blocks = 256;
  constexpr std::size_t largest = 4096;
  if (chunk != 0) return chunk;
  return std::clamp<std::size_t>(n / blocks + (n % blocks != 0), 1, largest);
}
constexpr std::size_t blocks_of(std::size_t n, std::size_t size) noexcept {
  return n / size + (n % size != 0);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
