#pragma once

#include <optional>
#include <string>

#include "cgroup.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// How many workers a pool has that was not told, and why.
struct sizing {
  unsigned workers = 1;
  /// "affinity: 2 CPUs", "cgroup quota 0.5 CPU at /sys/fs/cgroup/x" or "FILCH_WORKERS=3".
  std::string rule;
};

/// The most workers that `FILCH_WORKERS` may ask for.
inline constexpr unsigned most_workers = 4096;

/// The least of the calling thread's CPU affinity, the CPU quota rounded up, and `FILCH_WORKERS`;
/// at least 1. What cannot be read limits nothing. `root`: see `tightest_cpu_quota`.
sizing default_sizing(const std::string& root = {}) noexcept;

/// The rule itself: the first of the three that nothing undercuts decides.
sizing least_of(unsigned affinity, const std::optional<cpu_quota>& quota,
                std::optional<unsigned> wanted);

/// The CPUs the calling thread may run on; at least 1.
unsigned affinity_cpus() noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
