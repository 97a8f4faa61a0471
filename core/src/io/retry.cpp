#include <filch/retry.hpp>

#include <algorithm>
#include <stdexcept>

#include <filch/error.hpp>
#include <filch/io.hpp>
#include <filch/this_job.hpp>

#include "sched/thread_states.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// Between a half and one. Any spread will do: threads begin with different numbers.
double random_part() noexcept {
  static constinit thread_local std::uint32_t state = 0;
  if (state == 0) state = static_cast<std::uint32_t>(this_thread_number()) * 2654435761U | 1U;
  state ^= state << 13U;
  state ^= state >> 17U;
  state ^= state << 5U;
  return 0.5 + 0.5 * static_cast<double>(state) / 4294967296.0;
}

bool is_cancelled(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

void check_retry_options(const retry_options& options) {
  if (options.attempts == 0) {
    throw std::invalid_argument("filch::retry: attempts is 0; 1 calls once and never again");
  }
  if (options.backoff.count() < 0 || options.longest.count() < 0) {
    throw std::invalid_argument("filch::retry: a pause below zero; 0 tries again at once");
  }
  if (!(options.growth >= 1)) {
    throw std::invalid_argument("filch::retry: growth is below 1; 1 keeps all pauses as long");
  }
}

std::optional<std::chrono::nanoseconds> retry_pauses::after(const std::exception_ptr& error) {
  ++failures_;
  if (failures_ >= options_.attempts || is_cancelled(error) ||
      (options_.when && !options_.when(error))) {
    return {};
  }
  const auto most = std::min(next_, options_.longest);
  const auto longest = std::chrono::duration<double, std::nano>(options_.longest);
  next_ = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::min(longest, std::chrono::duration<double, std::nano>(most) * options_.growth));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(most * random_part());
}

void retry_pauses::wait_or_throw() {
  const auto pause = after(std::current_exception());
  if (!pause) throw;
  this_job::check();
  io::sleep_for(*pause);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
