#include <filch/hedge.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

namespace filch {
inline namespace v0 {

budget_spent::~budget_spent() = default;

// ---- the budget -------------------------------------------------------------------------------

namespace {

double checked_share(double share, unsigned burst) {
  if (share >= 0 && share <= 1 && burst <= 1'000'000) return share;
  throw std::invalid_argument(
      "filch: a hedge_budget allows a share of 0 to 1 extra attempts for each call, and a burst of "
      "a million at most");
}

}  // namespace

hedge_budget::hedge_budget(double share, unsigned burst)
    : share_(static_cast<std::int64_t>(std::llround(checked_share(share, burst) * one))),
      most_(std::max<std::int64_t>(burst, 1) * one),
      left_(std::int64_t{burst} * one) {}

void hedge_budget::deposit() noexcept {
  // order: [relaxed: a count; it guards no data]
  auto seen = left_.load(std::memory_order_relaxed);
  // order: [relaxed: as above]
  while (!left_.compare_exchange_weak(seen, std::min(seen + share_, most_),
                                      std::memory_order_relaxed, std::memory_order_relaxed)) {
  }
}

bool hedge_budget::withdraw() noexcept {
  // order: [relaxed: a count; it guards no data]
  auto seen = left_.load(std::memory_order_relaxed);
  while (seen >= one) {
    // order: [relaxed: as above]
    if (left_.compare_exchange_weak(seen, seen - one, std::memory_order_relaxed,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// ---- the tracker ------------------------------------------------------------------------------

namespace {

// Old answers count for half after so many new ones, so that a service may change.
constexpr std::uint32_t window = 4096;
constexpr std::uint32_t enough = 100;

}  // namespace

latency_tracker::latency_tracker(double quantile) : quantile_(quantile) {
  if (quantile > 0 && quantile < 1) return;
  throw std::invalid_argument("filch: a latency_tracker needs a quantile between 0 and 1");
}

std::size_t latency_tracker::bucket_of(std::uint64_t ns) noexcept {
  if (ns < steps) return static_cast<std::size_t>(ns);
  const auto power =
      static_cast<unsigned>(std::bit_width(ns)) - 4;  // of two, of the lowest bit kept
  return (power + 1) * steps + static_cast<std::size_t>((ns >> power) - steps);
}

std::uint64_t latency_tracker::upper_end(std::size_t bucket) noexcept {
  if (bucket < steps) return bucket;
  const std::size_t power = bucket / steps - 1;
  return ((steps + bucket % steps + 1) << power) - 1;
}

void latency_tracker::note(std::chrono::nanoseconds took) noexcept {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
  std::lock_guard lock(lock_);
  if (total_ == window) {
    total_ = 0;
    for (auto& count : counts_) total_ += count /= 2;
  }
  ++counts_[bucket_of(ns)];
  ++total_;
}

std::optional<std::chrono::nanoseconds> latency_tracker::estimate() const noexcept {
  std::lock_guard lock(lock_);
  if (total_ < enough) return std::nullopt;
  const auto wanted = static_cast<std::uint32_t>(std::ceil(quantile_ * total_));
  std::uint32_t below = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    below += counts_[i];
    if (below >= wanted) {
      return std::chrono::nanoseconds(static_cast<std::int64_t>(upper_end(i)));
    }
  }
  return std::nullopt;
}

// ---- the call ---------------------------------------------------------------------------------

namespace detail {

std::chrono::nanoseconds hedge_delay(std::size_t max, std::chrono::nanoseconds after,
                                     const latency_tracker* latency) {
  if (max == 0 || after.count() < 0) {
    throw std::invalid_argument(
        "filch: a hedged call needs at least one attempt (.max), and a delay (.after) that is not "
        "negative");
  }
  const auto known = latency ? latency->estimate() : std::nullopt;
  if (known) return std::max(*known, std::chrono::nanoseconds(1));
  return after.count() == 0 ? std::chrono::nanoseconds::max() : after;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
