#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include <filch/detail/job.hpp>

/// \file
/// What any verb can be told: `pool.with({.chunk = 64, .name = "resize"}).map(f, xs)`.

namespace filch {
inline namespace v0 {

/// Which exception a call with several failing items throws.
enum class errors : std::uint8_t {
  /// That of the lowest index: what the plain loop would have thrown. A failing item stops only
  /// items of a higher index.
  serial,
  /// The first in time; the rest is cancelled.
  first,
  /// All of them: everything runs, then `errors_list` is thrown.
  collect,
};

/// What a race does with the contenders that did not win.
class losers {
 public:
  /// The three ways.
  enum class kind : std::uint8_t { join, abandon, join_for };

  /// Ask them to stop and return when they have ended (structured; the default).
  static const losers join;
  /// Ask them to stop and return at once; they own copies of all they use.
  static const losers abandon;
  /// Ask them to stop, wait at most `patience`, then abandon them.
  static constexpr losers join_for(std::chrono::nanoseconds patience) {
    return losers(kind::join_for, patience);
  }

  /// Which way it is.
  constexpr kind what() const noexcept { return kind_; }
  /// How long `join_for` waits; 0 for the others.
  constexpr std::chrono::nanoseconds patience() const noexcept { return patience_; }

  /// As `losers::join`.
  constexpr losers() noexcept = default;

 private:
  constexpr losers(kind k, std::chrono::nanoseconds patience) noexcept
      : kind_(k), patience_(patience) {}
  kind kind_ = kind::join;
  std::chrono::nanoseconds patience_{0};
};
inline constexpr losers losers::join{losers::kind::join, std::chrono::nanoseconds{0}};
inline constexpr losers losers::abandon{losers::kind::abandon, std::chrono::nanoseconds{0}};

/// How far a call has come. `total` is 0 for inputs whose length is not known.
struct progress {
  /// Items that have ended, those that failed included.
  std::size_t done = 0;
  /// Items that threw.
  std::size_t failed = 0;
  /// All there are, or 0.
  std::size_t total = 0;
};

/// Options of every verb; all fields have defaults, and they are in alphabetical order because
/// designated initialisers must follow the declaration.
struct job_options {
  /// How many items a stream may be ahead of its consumer; 0: twice what can run at once.
  std::size_t buffer = 0;
  /// Items a worker takes at a time; 0: by measurement while the call runs.
  std::size_t chunk = 0;
  /// Which exception the call throws if several items fail.
  filch::errors errors = filch::errors::serial;
  /// How many items may run at once; 0: all workers on `lane::cpu`, every item on `lane::io`.
  std::size_t in_flight = 0;
  /// Where the items run; `lane::io` for what waits.
  filch::lane lane = filch::lane::cpu;
  /// What becomes of the contenders of a race that did not win.
  filch::losers losers = {};
  /// Shown by `this_job::name()`.
  std::string name = {};
  /// Called with growing counts, one call at a time, on whichever thread made the progress.
  std::function<void(const progress&)> on_progress = {};
  /// Stops the call from outside.
  std::stop_token stop = {};
  /// Time for the whole call; 0: no limit, below 0: it has run out. Then the call is stopped and
  /// throws `timed_out`.
  std::chrono::nanoseconds timeout{0};
  /// Time for each item; 0: no limit, below 0: it has run out.
  std::chrono::nanoseconds timeout_each{0};
  /// Keeps when and where each node of a task graph ran; costs two looks at the clock a node.
  bool trace = false;
};

namespace detail {
struct lane_option {
  filch::lane lane;
  operator job_options() const {
    job_options o;
    o.lane = lane;
    return o;
  }
};
}  // namespace detail

/// `{.lane = lane::io}`, ready-made: `pool.with(filch::on_io).map(fetch, urls)`.
inline constexpr detail::lane_option on_io{lane::io};
/// `{.lane = lane::cpu}`, the default.
inline constexpr detail::lane_option on_cpu{lane::cpu};

}  // namespace v0
}  // namespace filch
