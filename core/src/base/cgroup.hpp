#pragma once

#include <optional>
#include <string>

namespace filch {
inline namespace v0 {
namespace detail {

/// A limit on CPU time that the system's control groups set on this process.
struct cpu_quota {
  /// Seconds of CPU per second; above 0.
  double cpus;
  /// The directory of the group that sets it.
  std::string where;
};

/// The tightest CPU quota of this process's control group and all its ancestors that are visible
/// here, in version 1 and version 2 hierarchies; nothing if there is none or nobody can tell.
/// `root` is put before every path that is read, so that a test can bring its own /proc and /sys.
/// Cost: opens two files of /proc and one or two for every ancestor.
std::optional<cpu_quota> tightest_cpu_quota(const std::string& root) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
