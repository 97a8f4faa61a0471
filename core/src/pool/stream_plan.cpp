#include <filch/detail/stream_plan.hpp>

#include <algorithm>
#include <stdexcept>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// How many asynchronous items are in flight unless options say otherwise: enough to hide the
/// latency of a network, few enough for a table of descriptors.
constexpr std::size_t most_asynchronous = 256;

}  // namespace

std::size_t stream_plan::window(std::size_t on_io, std::size_t on_cpu) const noexcept {
  if (buffer != 0) return buffer;
  std::size_t at_once = in_flight;
  if (!asynchronous) {
    const std::size_t most = lane == lane::io ? on_io : on_cpu;
    at_once = at_once == 0 ? most : std::min(most, at_once);
  } else if (at_once == 0) {
    at_once = most_asynchronous;
  }
  return (keyed ? 4 : 2) * std::max<std::size_t>(at_once, 1);
}

std::size_t stream_plan::most_in_flight(std::size_t window) const noexcept {
  return in_flight == 0 ? window : std::min(window, in_flight);
}

stream_plan plan_stream(const job_options& options) {
  if (options.errors != errors::serial) {
    throw std::invalid_argument(
        "filch: a stream raises each error at its element and takes no other errors policy; leave "
        ".errors at its default, or use map");
  }
  stream_plan plan;
  plan.buffer = options.buffer;
  plan.in_flight = options.in_flight;
  plan.lane = options.lane;
  // A view's losers are joined unless it says otherwise, for races; that is no word on streams.
  if (options.losers.what() != losers::kind::join) plan.losers = options.losers;
  plan.name = options.name;
  plan.on_progress = options.on_progress;
  plan.stop = options.stop;
  plan.timeout = options.timeout;
  plan.timeout_each = options.timeout_each;
  return plan;
}

void stream_plan::check_keys() const {
  if (keyed && per_key == 0) {
    throw std::invalid_argument(
        "filch: .key was given without .per_key, and so limits nothing; say how many items of one "
        "key may be in flight, at least 1, or leave both out");
  }
  if (!keyed && per_key != 0) {
    throw std::invalid_argument(
        "filch: .per_key was given without .key; say by .key what the limit holds for, or use "
        ".in_flight to limit all");
  }
}

// ---- the stream -------------------------------------------------------------------------------

}  // namespace detail
}  // namespace v0
}  // namespace filch
