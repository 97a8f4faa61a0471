#pragma once

namespace filch {
inline namespace v0 {
namespace detail {

/// How many of `wanted` threads the system can start now, by starting them. oneTBB ends the
/// process when a thread of its own cannot be started, so somebody has to try before.
unsigned startable_threads(unsigned wanted) noexcept;

/// Room for `workers` more of oneTBB's worker threads in this process, while it lives.
///
/// oneTBB's limit (`global_control`) is one for the process, counts threads of all arenas, and of
/// several limits the lowest wins. So all engines share one, at oneTBB's default plus the sum of
/// what they ask for.
class parallelism {
 public:
  explicit parallelism(unsigned workers);
  parallelism(const parallelism&) = delete;
  parallelism& operator=(const parallelism&) = delete;
  ~parallelism();

  /// How many of the workers there can be: fewer where the program has set a lower limit.
  unsigned granted() const noexcept { return granted_; }

 private:
  const unsigned workers_;
  unsigned granted_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
