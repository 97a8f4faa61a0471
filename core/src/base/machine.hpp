#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace filch {
inline namespace v0 {
namespace detail {

/// Where a CPU is: its NUMA node, and its core complex: the CPUs that share its largest cache.
struct cpu_home {
  unsigned cpu = 0;
  std::uint16_t complex = 0;
  std::uint16_t node = 0;
  friend bool operator==(const cpu_home&, const cpu_home&) = default;
};

/// How far apart two CPUs are: 0 in one complex, 1 in one node, 2 on different ones.
constexpr unsigned distance(const cpu_home& a, const cpu_home& b) noexcept {
  return a.node != b.node ? 2 : a.complex != b.complex ? 1 : 0;
}

/// The CPUs that the calling thread may run on, lowest first. Empty if the kernel does not tell.
/// Throws: `bad_alloc`.
std::vector<unsigned> allowed_cpus();

/// The numbers of a list as the kernel writes it: "0-3,8"; what is no number ends it. At most
/// `most` of them. Throws: `bad_alloc`.
std::vector<unsigned> parse_cpu_list(std::string_view text, std::size_t most);

/// What a scheduler wants to know of the machine, of the CPUs that it may use.
class machine {
 public:
  /// One of which nothing is known: all is near.
  machine() noexcept = default;
  /// Reads what the kernel tells of these CPUs in /sys; what it does not tell is taken to be near.
  /// `root` stands before the paths. Throws: `bad_alloc`.
  explicit machine(const std::vector<unsigned>& cpus, const std::string& root = {});

  /// The order in which workers are bound: a complex is filled before the next, node by node, and
  /// the second threads of cores come after all first ones.
  const std::vector<cpu_home>& cpus() const noexcept { return cpus_; }
  /// The greatest distance between two of them.
  unsigned farthest() const noexcept { return farthest_; }
  /// Where a CPU is; one that is not known is near the first.
  cpu_home home_of(unsigned cpu) const noexcept;

 private:
  std::vector<cpu_home> cpus_;
  std::vector<cpu_home> by_number_;
  unsigned farthest_ = 0;
};

/// This process' machine, read when first asked for; flat where that fails.
const machine& this_machine() noexcept;
/// The CPU that the calling thread runs on just now.
unsigned current_cpu() noexcept;

/// Binds the calling thread to one CPU until it ends or the binding does. Where the system refuses,
/// says so once and leaves the thread as it is.
class cpu_binding {
 public:
  cpu_binding() noexcept = default;
  explicit cpu_binding(unsigned cpu) noexcept;
  cpu_binding(const cpu_binding&) = delete;
  cpu_binding& operator=(const cpu_binding&) = delete;
  ~cpu_binding();

 private:
  std::vector<unsigned> before_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
