#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <filch/detail/latch.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Spreads threads over the stripes of a counter: each gets a number when it first asks.
struct thread_stripe {
  static unsigned number() noexcept {
    static constinit std::atomic<unsigned> given{0};
    static constinit thread_local unsigned mine __attribute__((tls_model("initial-exec"))) = 0;
    // order: [relaxed: any spread will do]
    if (mine == 0) mine = given.fetch_add(1, std::memory_order_relaxed) + 1;
    return mine;
  }
};

/// Counts what a pool has accepted and not finished, and whether it still accepts from outside.
/// `drained` opens when the count of a closed gate falls to zero; after that nobody is inside and
/// nobody gets in.
///
/// Open, the count is spread over stripes, so that threads which come and go share no cache line;
/// whoever came by one stripe may leave by another, only the sum has a meaning. Closing moves what
/// each stripe has counted to one place, and from then on everybody counts there. Protocol:
/// README.md here.
template <class Atomics = std_atomics, class Where = thread_stripe, unsigned Stripes = 8>
class basic_gate {
 public:
  /// Counts `n` in; false at a closed gate unless `from_inside` (then the count is not zero).
  bool enter(bool from_inside, unsigned n = 1) noexcept {
    auto& here = stripes_[Where::number() % Stripes].word;
    // order: [relaxed: the increment below decides]
    if (!is_shut(here.load(std::memory_order_relaxed)) &&
        // order: [relaxed: counting in publishes nothing; leaving does]
        !is_shut(here.fetch_add(n * one, std::memory_order_relaxed))) {
      return true;
    }
    // What a shut stripe counts has no meaning any more.
    return from_inside && enter_closed(n);
  }
  /// Counts one out: the caller's last access.
  void leave() noexcept {
    auto& here = stripes_[Where::number() % Stripes].word;
    // order: [relaxed: the decrement below decides]
    if (!is_shut(here.load(std::memory_order_relaxed)) &&
        // order: all that was done inside is visible to who shuts the stripe [pair:GATE]
        !is_shut(here.fetch_sub(one, std::memory_order_release))) {
      return;
    }
    // order: and to who finds the gate drained [pair:GATE]
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) drained_.set();
  }
  /// Idempotent. When it returns nobody gets in from outside.
  void close() noexcept {
    for (auto& s : stripes_) {
      // order: what those did who left by this stripe is visible to who finds zero [pair:GATE]
      const auto seen = s.word.fetch_or(shut, std::memory_order_acq_rel);
      if (is_shut(seen)) continue;
      const auto collected = count_of(seen) - open_stripe;
      // order: hands that on, and finds it all if this was the last [pair:GATE]
      if (left_.fetch_add(collected, std::memory_order_acq_rel) + collected == 0) drained_.set();
    }
  }
  bool is_closed() const noexcept {
    // order: [relaxed: a snapshot]
    return is_shut(stripes_[Where::number() % Stripes].word.load(std::memory_order_relaxed));
  }
  /// How many are inside, as far as one can tell while they come and go.
  std::size_t inside() const noexcept {
    // order: [relaxed: a snapshot]
    auto sum = left_.load(std::memory_order_relaxed);
    sum = (sum + open_stripe / 2) % open_stripe - open_stripe / 2;
    for (const auto& s : stripes_) {
      // order: [relaxed: a snapshot]
      const auto seen = s.word.load(std::memory_order_relaxed);
      if (!is_shut(seen)) sum += count_of(seen);
    }
    return sum > 0 ? static_cast<std::size_t>(sum) : 0;
  }
  basic_latch<Atomics>& drained() noexcept { return drained_; }

 private:
  // A stripe: the lowest bit says shut, the rest counts twos, below zero where more have left by it
  // than came.
  static constexpr std::uint64_t shut = 1, one = 2;
  // What stands in `left_` for a stripe whose count is not there yet: nobody finds zero before all
  // are, and exactly one finds it then.
  static constexpr std::int64_t open_stripe = std::int64_t{1} << 40;
  static bool is_shut(std::uint64_t seen) noexcept { return (seen & shut) != 0; }
  static std::int64_t count_of(std::uint64_t seen) noexcept {
    return static_cast<std::int64_t>(seen) / 2;
  }

  bool enter_closed(unsigned n) noexcept {
    // order: [relaxed: the exchange below decides]
    auto seen = left_.load(std::memory_order_relaxed);
    do {
      if (seen == 0) return false;
      // order: [relaxed: counting in publishes nothing]
    } while (!left_.compare_exchange_weak(seen, seen + n, std::memory_order_relaxed,
                                          std::memory_order_relaxed));
    return true;
  }

  struct alignas(64) stripe {
    typename Atomics::template atomic<std::uint64_t> word{0};
  };
  stripe stripes_[Stripes];
  typename Atomics::template atomic<std::int64_t> left_{Stripes * open_stripe};
  basic_latch<Atomics> drained_;
};

using gate = basic_gate<>;

}  // namespace detail
}  // namespace v0
}  // namespace filch
