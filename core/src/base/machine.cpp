#include "machine.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <tuple>

#include "made_once.hpp"
#include "read_file.hpp"
#include "warn.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

// One line each; a list of every second CPU of a thousand is some kilobytes long.
constexpr std::size_t longest_file = 64 * 1024;
// More than any kernel is built for; files that lie cannot make us loop for long.
constexpr std::size_t most_cpus = 1 << 16;
constexpr unsigned most_caches = 10;
constexpr unsigned most_nodes = 1024;

std::vector<unsigned> read_list(const std::string& path) {
  return parse_cpu_list(read_file(path, longest_file), most_cpus);
}

std::optional<unsigned> parse_number(std::string_view& text) noexcept {
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// What is being found out of one CPU.
struct sighting {
  unsigned cpu;
  unsigned complex;  // the lowest CPU that it shares its largest cache with
  unsigned node = 0;
  std::size_t thread = 0;  // of its core: the first, the second ...
  bool placed = false;
};

std::string directory_of(const std::string& root, unsigned cpu) {
  return root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
}

// The CPUs that share the cache of the highest level; empty if nothing is told.
std::vector<unsigned> largest_cache(const std::string& cpu) {
  std::vector<unsigned> shared;
  unsigned highest = 0;
  for (unsigned i = 0; i < most_caches; ++i) {
    const std::string cache = cpu + "/cache/index" + std::to_string(i);
    const std::string told = read_file(cache + "/level", longest_file);
    std::string_view text = told;
    const auto level = parse_number(text);
    if (!level) break;
    if (*level < highest) continue;
    highest = *level;
    shared = read_list(cache + "/shared_cpu_list");
  }
  return shared;
}

sighting* find(std::vector<sighting>& all, unsigned cpu) noexcept {
  const auto at =
      std::lower_bound(all.begin(), all.end(), cpu,
                       [](const sighting& s, unsigned number) { return s.cpu < number; });
  return at != all.end() && at->cpu == cpu ? &*at : nullptr;
}

// One file for each complex, not for each CPU: machines with hundreds of them have few.
void find_complexes(std::vector<sighting>& all, const std::string& root) {
  for (auto& s : all) {
    if (s.placed) continue;
    s.placed = true;
    for (const unsigned cpu : largest_cache(directory_of(root, s.cpu))) {
      sighting* const other = find(all, cpu);
      if (!other || (other->placed && other != &s)) continue;
      other->placed = true;
      other->complex = s.cpu;
    }
  }
}

void find_nodes(std::vector<sighting>& all, const std::string& root) {
  const std::string nodes = root + "/sys/devices/system/node/";
  auto online = read_list(nodes + "online");
  if (online.size() > most_nodes) online.resize(most_nodes);
  for (const unsigned node : online) {
    for (const unsigned cpu : read_list(nodes + "node" + std::to_string(node) + "/cpulist")) {
      if (sighting* const s = find(all, cpu)) s->node = node;
    }
  }
}

void find_threads(std::vector<sighting>& all, const std::string& root) {
  for (auto& s : all) {
    const auto core = read_list(directory_of(root, s.cpu) + "/topology/thread_siblings_list");
    const auto at = std::find(core.begin(), core.end(), s.cpu);
    if (at != core.end()) s.thread = static_cast<std::size_t>(at - core.begin());
  }
}

// Small numbers for large ones, equal for equal.
std::uint16_t number_among(std::vector<unsigned>& seen, unsigned value) {
  const auto at = std::find(seen.begin(), seen.end(), value);
  const auto number = static_cast<std::uint16_t>(at - seen.begin());
  if (at == seen.end()) seen.push_back(value);
  return number;
}

}  // namespace

std::vector<unsigned> parse_cpu_list(std::string_view text, std::size_t most) {
  std::vector<unsigned> found;
  for (text = trimmed(text); !text.empty();) {
    std::string_view range = take_until(text, ',');
    const auto first = parse_number(range);
    if (!first) return found;
    auto last = first;
    if (!range.empty() && range.front() == '-') {
      range.remove_prefix(1);
      last = parse_number(range);
    }
    if (!range.empty() || !last || *last < *first) return found;
    for (std::size_t cpu = *first; cpu <= *last; ++cpu) {
      if (found.size() == most) return found;
      found.push_back(static_cast<unsigned>(cpu));
    }
  }
  return found;
}

machine::machine(const std::vector<unsigned>& cpus, const std::string& root) {
  std::vector<sighting> all;
  for (const unsigned cpu : cpus) all.push_back({cpu, cpus.front()});
  std::sort(all.begin(), all.end(),
            [](const sighting& a, const sighting& b) { return a.cpu < b.cpu; });
  find_complexes(all, root);
  find_nodes(all, root);
  find_threads(all, root);
  std::sort(all.begin(), all.end(), [](const sighting& a, const sighting& b) {
    return std::tie(a.thread, a.node, a.complex, a.cpu) <
           std::tie(b.thread, b.node, b.complex, b.cpu);
  });
  std::vector<unsigned> complexes;
  std::vector<unsigned> nodes;
  for (const auto& s : all) {
    cpus_.push_back({s.cpu, number_among(complexes, s.complex), number_among(nodes, s.node)});
    farthest_ = std::max(farthest_, distance(cpus_.front(), cpus_.back()));
  }
  by_number_ = cpus_;
  std::sort(by_number_.begin(), by_number_.end(),
            [](const cpu_home& a, const cpu_home& b) { return a.cpu < b.cpu; });
}

cpu_home machine::home_of(unsigned cpu) const noexcept {
  const auto at =
      std::lower_bound(by_number_.begin(), by_number_.end(), cpu,
                       [](const cpu_home& home, unsigned number) { return home.cpu < number; });
  return at != by_number_.end() && at->cpu == cpu ? *at : cpu_home{};
}

namespace {
const machine flat;
}  // namespace

const machine& this_machine() noexcept {
  static constinit made_once<machine> found;
  try {
    return found.get([] { return std::make_unique<machine>(allowed_cpus()); });
  } catch (...) {  // no memory
    return flat;
  }
}

unsigned current_cpu() noexcept {
  const int cpu = ::sched_getcpu();
  return cpu < 0 ? 0 : static_cast<unsigned>(cpu);
}

std::vector<unsigned> allowed_cpus() {
  // The kernel refuses a mask smaller than its own, whose size it does not tell.
  constexpr std::size_t most_words = 1024;
  std::vector<unsigned> found;
  for (std::size_t words = 1; words <= most_words; words *= 2) {
    std::vector<cpu_set_t> mask(words);
    const std::size_t bytes = words * sizeof(cpu_set_t);
    if (::sched_getaffinity(0, bytes, mask.data()) == 0) {
      for (unsigned cpu = 0; cpu < bytes * 8; ++cpu) {
        if (CPU_ISSET_S(cpu, bytes, mask.data())) found.push_back(cpu);
      }
      return found;
    }
    if (errno != EINVAL) break;
  }
  return found;
}

// ---- binding ----------------------------------------------------------------------------------

namespace {

bool run_on(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) return true;
  const std::size_t words =
      *std::max_element(cpus.begin(), cpus.end()) / (8 * sizeof(cpu_set_t)) + 1;
  std::vector<cpu_set_t> mask(words);
  const std::size_t bytes = words * sizeof(cpu_set_t);
  for (const unsigned cpu : cpus) CPU_SET_S(cpu, bytes, mask.data());
  return ::sched_setaffinity(0, bytes, mask.data()) == 0;
}

}  // namespace

cpu_binding::cpu_binding(unsigned cpu) noexcept try {
  auto before = allowed_cpus();
  if (run_on({cpu})) {
    before_ = std::move(before);
    return;
  }
  static std::atomic_flag said;
  warn_once(said, "the system refused to bind a worker to CPU " + std::to_string(cpu) +
                      "; it runs where the system puts it");
} catch (...) {  // no memory for the mask: the thread runs where the system puts it
}

cpu_binding::~cpu_binding() {
  try {
    run_on(before_);
  } catch (...) {  // a thread that stays bound is slower, no more
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
