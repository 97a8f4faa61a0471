#include "cgroup.hpp"

#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <vector>

#include "read_file.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

// Files of a control group hold one line; only the list of mounts of a busy host is long.
constexpr std::size_t longest_file = 64 * 1024;
constexpr std::size_t longest_mount_list = 1024 * 1024;
constexpr std::uint64_t default_period = 100'000;  // microseconds, as the kernel's

// Whether `word` is one of the comma-separated `list`: "cpu" is in "cpu,cpuacct", not in "cpuset".
bool lists(std::string_view list, std::string_view word) noexcept {
  while (!list.empty()) {
    if (take_until(list, ',') == word) return true;
  }
  return false;
}

bool climbs(std::string_view path) noexcept {
  while (!path.empty()) {
    if (take_until(path, '/') == "..") return true;
  }
  return false;
}

// The kernel writes blanks and backslashes in paths of mountinfo as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      const int code = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      plain += static_cast<char>(code & 0xff);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

enum class version { one, two };

// Where this process stands in one hierarchy, as its own cgroup namespace names it.
struct membership {
  version kind;
  std::string path;
};

// One place where (a part of) a hierarchy can be seen.
struct mount {
  version kind;
  std::string root;   // the group shown at `point`
  std::string point;  // a directory
};

// Lines of /proc/self/cgroup: "4:cpu,cpuacct:/path", and "0::/path" for version 2.
std::vector<membership> read_memberships(const std::string& root) {
  const std::string text = read_file(root + "/proc/self/cgroup", longest_file);
  std::vector<membership> found;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = take_until(rest, '\n');
    const std::string_view number = take_until(line, ':');
    const std::string_view controllers = take_until(line, ':');
    if (line.empty() || line.front() != '/') continue;
    if (number == "0" && controllers.empty()) {
      found.push_back({version::two, std::string(line)});
    } else if (lists(controllers, "cpu")) {
      found.push_back({version::one, std::string(line)});
    }
  }
  return found;
}

// Lines of mountinfo: "id parent device root point options [tags...] - type source options".
std::vector<mount> read_mounts(const std::string& root) {
  const std::string text = read_file(root + "/proc/self/mountinfo", longest_mount_list);
  std::vector<mount> found;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = take_until(rest, '\n');
    for (int skipped = 0; skipped < 3; ++skipped) take_until(line, ' ');
    const std::string_view shown = take_until(line, ' ');
    const std::string_view point = take_until(line, ' ');
    while (!line.empty() && take_until(line, ' ') != "-") {
    }
    const std::string_view type = take_until(line, ' ');
    take_until(line, ' ');
    if (shown.empty() || point.empty()) continue;
    if (type == "cgroup2") {
      found.push_back({version::two, unescape(shown), unescape(point)});
    } else if (type == "cgroup" && lists(line, "cpu")) {
      found.push_back({version::one, unescape(shown), unescape(point)});
    }
  }
  return found;
}

// The way from the mount's group down to ours, "" if they are the same; nothing if the mount does
// not show us. Both names are relative to our cgroup namespace, so a mount made outside of it shows
// "/.." for each level above; then only its own group is sure to be an ancestor.
std::optional<std::string> way_down(std::string_view ours, std::string_view shown) {
  if (shown == "/") shown = {};
  if (ours == "/") ours = {};
  const bool below = ours.substr(0, shown.size()) == shown &&
                     (ours.size() == shown.size() || ours[shown.size()] == '/');
  if (below) {
    ours.remove_prefix(shown.size());
    if (!climbs(ours)) return std::string(ours);
    return std::nullopt;
  }
  while (shown.substr(0, 3) == "/.." && (shown.size() == 3 || shown[3] == '/')) {
    shown.remove_prefix(3);
  }
  if (shown.empty()) return std::string();
  return std::nullopt;
}

// Nothing for words, signs, zero, trailing dirt and numbers beyond 64 bits.
std::optional<std::uint64_t> parse_positive(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stopped != end || number == 0) return std::nullopt;
  return number;
}

std::optional<double> ratio(std::optional<std::uint64_t> quota,
                            std::optional<std::uint64_t> period) noexcept {
  if (!quota || !period) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// cpu.max is "max 100000" or "50000 100000"; in version 1 a quota of -1 means none.
std::optional<double> quota_of(version kind, const std::string& group) {
  if (kind == version::two) {
    const std::string text = read_file(group + "/cpu.max", longest_file);
    std::string_view period = trimmed(text);
    const std::string_view quota = take_until(period, ' ');
    return ratio(parse_positive(quota), period.empty() ? default_period : parse_positive(period));
  }
  const std::string quota = read_file(group + "/cpu.cfs_quota_us", longest_file);
  if (!parse_positive(trimmed(quota))) return std::nullopt;
  const std::string period = read_file(group + "/cpu.cfs_period_us", longest_file);
  return ratio(parse_positive(trimmed(quota)), parse_positive(trimmed(period)));
}

// From our group up to the one at the mount point.
void climb(const std::string& root, const mount& seen, std::string way,
           std::optional<cpu_quota>& tightest) {
  while (true) {
    const std::string group = (seen.point == "/" ? "" : seen.point) + way;
    const auto cpus = quota_of(seen.kind, root + group);
    if (cpus && (!tightest || *cpus < tightest->cpus)) tightest = cpu_quota{*cpus, group};
    if (way.empty()) return;
    way.resize(way.rfind('/'));
  }
}

}  // namespace

std::optional<cpu_quota> tightest_cpu_quota(const std::string& root) noexcept try {
  std::optional<cpu_quota> tightest;
  const std::vector<membership> memberships = read_memberships(root);
  for (const mount& seen : read_mounts(root)) {
    for (const membership& ours : memberships) {
      if (ours.kind != seen.kind) continue;
      if (const auto way = way_down(ours.path, seen.root)) climb(root, seen, *way, tightest);
    }
  }
  return tightest;
} catch (...) {
  return std::nullopt;  // out of memory: no limit known
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
