#include "fetch_urls/contender.hpp"

#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <system_error>

#include "harness/contest.hpp"

namespace filch::bench::fetch {

namespace {

template <class Number>
Number number(std::string_view word, const std::string& of) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    throw std::invalid_argument(of + " must be a whole number, not '" + std::string(word) + "'");
  }
  return value;
}

orders parse(int argc, char** argv) {
  orders o;
  for (int i = 1; i < argc; i += 2) {
    const std::string word = argv[i];
    if (i + 1 == argc) throw std::invalid_argument(word + " needs a value");
    const std::string_view value = argv[i + 1];
    if (word == "--file") {
      o.file = value;
    } else if (word == "--urls") {
      o.urls = number<std::size_t>(value, word);
    } else if (word == "--width") {
      o.width = number<unsigned>(value, word);
    } else if (word == "--per-host") {
      o.per_host = number<unsigned>(value, word);
    } else {
      throw std::invalid_argument("there is no option '" + word +
                                  "': --file FILE --urls N --width N --per-host N");
    }
  }
  if (o.file.empty() || o.urls == 0 || o.width == 0) {
    throw std::invalid_argument("say --file FILE and --urls N, and a --width above 0");
  }
  return o;
}

/// A number from a line of /proc/self/status.
std::size_t status_of_process(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::strtoul(line.c_str() + name.size(), nullptr, 10);
  }
  return 0;
}

/// Each request needs a descriptor; the usual soft limit of 1024 is for programs that use select.
void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void tell(const repetition& took, const tally& counted, std::size_t at_start) {
  std::string resident;
  for (const auto kib : counted.resident()) {
    resident += (resident.empty() ? "" : ", ") + std::to_string(kib);
  }
  std::printf(
      "{\"seconds\": %.6f, \"cpu\": %.6f, \"answers\": %zu, \"threads\": %u, \"start_kib\": %zu, "
      "\"quarters_kib\": [%s], \"peak_kib\": %zu}\n",
      took.seconds, took.cpu, counted.answers(), counted.most_threads(), at_start, resident.c_str(),
      status_of_process("VmHWM:"));
  std::fflush(stdout);
}

}  // namespace

std::size_t checked(std::string_view url, long status, std::string_view body) {
  const auto last = url.substr(url.rfind('/') + 1);
  if (status != 200 || body != last) {
    throw std::runtime_error("wrong answer: " + std::string(url) + " gave status " +
                             std::to_string(status) + " and '" + std::string(body.substr(0, 40)) +
                             "'");
  }
  return number<std::size_t>(body, "an answer");
}

std::string host_of(const std::string& url) {
  const auto host = url.find("://") + 3;
  return url.substr(host, url.find('/', host) - host);
}

void tally::take(std::size_t number) {
  sum_.fetch_add(number, std::memory_order_relaxed);
  squares_.fetch_add(number * number, std::memory_order_relaxed);
  const auto n = answers_.fetch_add(1, std::memory_order_relaxed) + 1;
  for (std::size_t quarter = 1; quarter <= 3; ++quarter) {
    if (n == expected_ * quarter / 4) look();
  }
}

void tally::look() {
  const auto threads = static_cast<unsigned>(status_of_process("Threads:"));
  const auto kib = status_of_process("VmRSS:");
  const std::lock_guard lock(mutex_);
  if (threads > most_threads_) most_threads_ = threads;
  resident_.push_back(kib);
}

void tally::check() const {
  const std::uint64_t n = expected_;
  const bool right = answers() == n && sum_.load(std::memory_order_relaxed) == n * (n - 1) / 2 &&
                     squares_.load(std::memory_order_relaxed) == (n - 1) * n * (2 * n - 1) / 6;
  if (!right) {
    throw std::runtime_error("wrong answer: not each of " + std::to_string(n) +
                             " URLs was answered once; " + std::to_string(answers()) +
                             " answers came");
  }
}

unsigned tally::most_threads() const {
  const std::lock_guard lock(mutex_);
  return most_threads_;
}

std::vector<std::size_t> tally::resident() const {
  const std::lock_guard lock(mutex_);
  return resident_;
}

std::optional<std::string> shared_urls::next() {
  const std::lock_guard lock(mutex_);
  std::string line;
  if (!std::getline(lines_, line)) return {};
  return line;
}

int compete(int argc, char** argv, const std::function<void(const orders&, tally&)>& fetch_all) {
  try {
    const auto o = parse(argc, argv);
    raise_descriptor_limit();
    tally counted(o.urls);
    const auto at_start = status_of_process("VmRSS:");
    const stopwatch watch;
    fetch_all(o, counted);
    const auto took = watch.lap(static_cast<double>(o.urls));
    counted.check();
    tell(took, counted, at_start);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}

}  // namespace filch::bench::fetch
