#pragma once

#include <cstdint>
#include <optional>

#include <filch/detail/atomics.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// How a race came out.
enum class race_verdict : std::uint8_t { open, won, failed, timed_out, cancelled };

/// Decides a race, once: which contenders are its winners, or why it has none.
///
/// Protocol of a contender that succeeded: store the value where only it writes; `claim` a place;
/// write down who has that place; `publish`. Exactly one call in the life of a cell returns "this
/// decided the race": the `publish` of the last winner, or the `fail` after which too few are
/// left, or a `close` from outside. Whoever gets that answer opens the latch. Claims and failures
/// are counted in one word with the verdict, so a deadline and a winner can never both win, and
/// once the last place is claimed nothing can take the victory away.
/// Sees: what every winner did before `publish` is visible to who decided, and, through the
/// latch, to who waits.
template <class Atomics = std_atomics>
class basic_race_cell {
 public:
  /// The most contenders a cell can count.
  static constexpr std::uint32_t most = (std::uint32_t{1} << 28) - 1;

  /// Requires: 1 <= wanted <= contenders <= most.
  basic_race_cell(std::uint32_t contenders, std::uint32_t wanted) noexcept
      : contenders_(contenders), wanted_(wanted) {}
  basic_race_cell(const basic_race_cell&) = delete;
  basic_race_cell& operator=(const basic_race_cell&) = delete;

  race_verdict verdict() const noexcept {
    // order: [relaxed: tells that it is over; results travel by publish and by the latch]
    return verdict_of(word_.load(std::memory_order_relaxed));
  }
  bool is_open() const noexcept { return verdict() == race_verdict::open; }

  /// A place among the winners, 0 for the first; empty if the race is over without this one.
  std::optional<std::uint32_t> claim() noexcept {
    // order: [relaxed: the exchange below decides]
    auto seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (verdict_of(seen) != race_verdict::open) return {};
      const auto place = claims_of(seen);
      auto next = seen + one_claim;
      if (place + 1 == wanted_) next += mark(race_verdict::won);
      // order: [relaxed: a place is a number; publish makes visible what belongs to it]
      if (word_.compare_exchange_weak(seen, next, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
        return place;
      }
    }
  }

  /// The holder of a place has written down all that belongs to it. True for the call that
  /// completes the winners.
  bool publish() noexcept {
    // order: every winner's value is visible to the one that completes them [pair:RACE_VALUE]
    return published_.fetch_add(1, std::memory_order_acq_rel) + 1 == wanted_;
  }

  /// One contender has lost for good. True if now too few are left, and this call decided so.
  bool fail() noexcept {
    // order: [relaxed: the exchange below decides]
    auto seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (verdict_of(seen) != race_verdict::open) return false;
      auto next = seen + one_failure;
      const bool hopeless = failures_of(next) > contenders_ - wanted_;
      if (hopeless) next += mark(race_verdict::failed);
      // order: [relaxed: errors are handed over under their own lock]
      if (word_.compare_exchange_weak(seen, next, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
        return hopeless;
      }
    }
  }

  /// Ends an open race from outside, as `timed_out` or `cancelled`. True if this call did.
  bool close(race_verdict why) noexcept {
    // order: [relaxed: the exchange below decides]
    auto seen = word_.load(std::memory_order_relaxed);
    while (verdict_of(seen) == race_verdict::open) {
      // order: [relaxed: there is nothing to hand over]
      if (word_.compare_exchange_weak(seen, seen + mark(why), std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

 private:
  // The word, from the lowest bit: verdict (8), places claimed (28), contenders that failed (28).
  static constexpr std::uint64_t one_claim = std::uint64_t{1} << 8;
  static constexpr std::uint64_t one_failure = std::uint64_t{1} << 36;

  static constexpr std::uint64_t mark(race_verdict v) noexcept {
    return static_cast<std::uint64_t>(v);
  }
  static constexpr race_verdict verdict_of(std::uint64_t word) noexcept {
    return static_cast<race_verdict>(word & 0xff);
  }
  static constexpr std::uint32_t claims_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> 8) & most;
  }
  static constexpr std::uint32_t failures_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> 36);
  }

  typename Atomics::template atomic<std::uint64_t> word_{0};
  typename Atomics::template atomic<std::uint32_t> published_{0};
  const std::uint32_t contenders_;
  const std::uint32_t wanted_;
};

using race_cell = basic_race_cell<>;

}  // namespace detail
}  // namespace v0
}  // namespace filch
