#include "sizing.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <thread>

#include "env.hpp"
#include "machine.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

std::string counted(const std::string& number, bool one) {
  return number + (one ? " CPU" : " CPUs");
}

std::string describe_quota(const cpu_quota& quota) {
  char number[32];  // to_chars, since printf follows the program's locale
  const auto written =
      std::to_chars(number, number + sizeof number, quota.cpus, std::chars_format::general, 4);
  return "cgroup quota " + counted({number, written.ptr}, quota.cpus <= 1.0) + " at " +
         printable(quota.where);
}

unsigned rounded_up(double cpus) noexcept {
  return static_cast<unsigned>(std::clamp(std::ceil(cpus), 1.0, 1e9));
}

}  // namespace

sizing least_of(unsigned affinity, const std::optional<cpu_quota>& quota,
                std::optional<unsigned> wanted) {
  sizing least;
  least.workers = std::max(affinity, 1U);
  least.rule = "affinity: " + counted(std::to_string(least.workers), least.workers == 1);
  if (quota && rounded_up(quota->cpus) < least.workers) {
    least.workers = rounded_up(quota->cpus);
    least.rule = describe_quota(*quota);
  }
  if (!wanted) return least;
  const std::string named = "FILCH_WORKERS=" + std::to_string(*wanted);
  if (*wanted < least.workers) {
    least.workers = std::max(*wanted, 1U);
    least.rule = named;
  } else if (*wanted > least.workers) {
    least.rule += " (" + named + " cannot raise that)";
  }
  return least;
}

unsigned affinity_cpus() noexcept {
  try {
    if (const auto cpus = allowed_cpus().size()) return static_cast<unsigned>(cpus);
  } catch (...) {  // no memory for the mask: ask for what needs none
  }
  return std::max(std::thread::hardware_concurrency(), 1U);
}

sizing default_sizing(const std::string& root) noexcept try {
  return least_of(affinity_cpus(), tightest_cpu_quota(root),
                  env_unsigned("FILCH_WORKERS", 1, most_workers));
} catch (...) {
  return {1, "out of memory"};  // short enough to need none
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
