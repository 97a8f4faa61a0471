#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include <filch/detail/export.hpp>
#include <filch/options.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What a stream was asked to be, without its types.
struct FILCH_API stream_plan {
  std::size_t buffer = 0;
  std::size_t in_flight = 0;
  filch::lane lane = filch::lane::cpu;
  std::optional<filch::losers> losers = {};
  std::string name = {};
  std::function<void(const progress&)> on_progress = {};
  std::size_t per_key = 0;
  std::stop_token stop = {};
  std::chrono::nanoseconds timeout{0};
  std::chrono::nanoseconds timeout_each{0};

  // What follows from the types.
  /// Each element has a key.
  bool keyed = false;
  /// The callable returns futures.
  bool asynchronous = false;
  /// Nothing that an item uses belongs to somebody else.
  bool owns = false;
  /// The callable may be called again for an element.
  bool repeatable = false;

  /// Whether an item that ignores the end of its time is left behind.
  bool leaves() const noexcept {
    return owns && (asynchronous || lane == lane::io) && timeout_each.count() > 0 &&
           !(losers && losers->what() == losers::kind::join);
  }
  /// Whether it must be known how many are in flight. Not where the workers are the limit: there a
  /// lock for each end of each element would be the dearest part of it.
  bool counts() const noexcept {
    return in_flight != 0 || keyed || asynchronous || lane == lane::io;
  }
  /// How long an item may go on after it was asked to stop.
  std::chrono::nanoseconds grace() const noexcept {
    return losers ? losers->patience() : std::chrono::milliseconds(100);
  }
  /// How far the input is read ahead of the consumer, by how many can run on each lane at once.
  std::size_t window(std::size_t on_io, std::size_t on_cpu) const noexcept;
  /// How many may run at once, of so many that are read.
  std::size_t most_in_flight(std::size_t window) const noexcept;
  /// Throws: `std::invalid_argument` where one of `key` and `per_key` is given without the other.
  void check_keys() const;
};

/// Throws: `std::invalid_argument` for options that no stream keeps.
FILCH_API stream_plan plan_stream(const job_options& options);
}  // namespace detail
}  // namespace v0
}  // namespace filch
