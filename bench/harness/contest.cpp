#include "contest.hpp"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace filch::bench {

namespace {

/// Repetitions shorter than this are preceded by an unmeasured one: the program was stopped while
/// others ran, and caches and clocks must find their way back.
constexpr double warm_below_seconds = 0.1;
constexpr double batch_seconds = 0.01;
constexpr std::size_t most_calls = std::size_t{1} << 30;

struct options {
  contest_settings settings;
  unsigned repetitions = 5;
  bool json = false;
  bool serve = false;
};

std::string compiler() {
#ifdef __clang__
  return "clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__);
#else
  return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__);
#endif
}

double cpu_now() {
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  return static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
}

/// The most memory the process has ever had in use, in KiB.
long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

template <class Number>
Number number(std::string_view word, const char* option) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) {
    throw std::invalid_argument(std::string(option) + " needs a whole number, not '" +
                                std::string(word) + "'");
  }
  return value;
}

constexpr const char* usage =
    "options: --threads N  --size N (0: the usual)  --repetitions N  --json  --serve\n"
    "  --json   one JSON object per repetition\n"
    "  --serve  obey lines on stdin: 'run EVENT' times one repetition, 'quit' ends\n";

options parse(int argc, char** argv) {
  options o;
  const auto value = [&](int& i) {
    if (i + 1 >= argc) throw std::invalid_argument(std::string(argv[i]) + " needs a value");
    return std::string_view(argv[++i]);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--threads") {
      o.settings.threads = number<unsigned>(value(i), "--threads");
    } else if (word == "--size") {
      o.settings.size = number<std::int64_t>(value(i), "--size");
    } else if (word == "--repetitions") {
      o.repetitions = number<unsigned>(value(i), "--repetitions");
    } else if (word == "--json") {
      o.json = true;
    } else if (word == "--serve") {
      o.serve = true;
    } else {
      throw std::invalid_argument("there is no option '" + std::string(word) + "'\n" + usage);
    }
  }
  if (o.settings.threads == 0) throw std::invalid_argument("--threads must be at least 1");
  return o;
}

/// One line at a time, at once: the runner waits for it.
void say(const std::string& line) {
  std::fputs((line + '\n').c_str(), stdout);
  std::fflush(stdout);
}

std::string in_full(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string field(const char* key, const std::string& text) {
  return '"' + std::string(key) + "\": \"" + text + '"';
}

class performer {
 public:
  performer(const entrant& who, const options& o, std::vector<event> events)
      : who_(who), options_(o), events_(std::move(events)), last_(events_.size(), 0.0) {}

  void introduce() const {
    std::string list;
    for (const auto& e : events_) {
      list += (list.empty() ? "{" : ", {") + field("name", e.name) + ", " + field("unit", e.unit) +
              ", " + field("extra_is", e.extra_is) + "}";
    }
    say("{" + field("workload", who_.workload) + ", " + field("runtime", who_.runtime) + ", " +
        field("version", who_.version) + ", " + field("compiler", compiler()) +
        ", \"threads\": " + std::to_string(options_.settings.threads) +
        ", \"size\": " + std::to_string(options_.settings.size) + ", \"events\": [" + list + "]}");
  }

  void perform(const event& e) {
    auto& last = last_[static_cast<std::size_t>(&e - events_.data())];
    if (last < warm_below_seconds) e.run();
    const auto r = e.run();
    last = r.seconds;
    say("{" + field("event", e.name) + ", \"seconds\": " + in_full(r.seconds) +
        ", \"count\": " + in_full(r.count) + ", \"extra\": " + in_full(r.extra) +
        ", \"cpu\": " + in_full(r.cpu) + "}");
  }

  void serve() {
    introduce();
    for (std::string line; std::getline(std::cin, line) && line != "quit";) {
      if (!line.starts_with("run ")) throw std::invalid_argument("unknown order: " + line);
      perform(called(line.substr(4)));
    }
    say("{\"peak_kib\": " + std::to_string(peak_kib()) + "}");
  }

  void show() {
    if (events_.empty()) throw std::invalid_argument("this runtime has nothing of that size");
    if (options_.json) introduce();
    for (const auto& e : events_) {
      for (unsigned i = 0; i < options_.repetitions; ++i) {
        if (options_.json) {
          perform(e);
        } else {
          tell(e, e.run());
        }
      }
    }
    if (options_.json) say("{\"peak_kib\": " + std::to_string(peak_kib()) + "}");
  }

 private:
  const event& called(const std::string& name) const {
    for (const auto& e : events_) {
      if (e.name == name) return e;
    }
    throw std::invalid_argument("there is no event '" + name + "'");
  }

  void tell(const event& e, const repetition& r) const {
    std::printf("%s on %s: %.3f ms, %.1f ns a %s", e.name.c_str(), who_.runtime.c_str(),
                r.seconds * 1e3, r.seconds * 1e9 / r.count, e.unit.c_str());
    if (!e.extra_is.empty()) std::printf(", %s %g", e.extra_is.c_str(), r.extra);
    std::printf("\n");
    std::fflush(stdout);
  }

  entrant who_;
  options options_;
  std::vector<event> events_;
  std::vector<double> last_;
};

/// Doubles until even the fastest of three batches is long enough: the machine may have been away
/// during one of them.
template <class TimedBatch>
std::size_t enough_calls(const TimedBatch& batch) {
  std::size_t calls = 1;
  for (; calls < most_calls; calls *= 2) {
    double fastest = batch(calls).seconds;
    for (int i = 0; i < 2 && fastest >= batch_seconds; ++i) {
      fastest = std::min(fastest, batch(calls).seconds);
    }
    if (fastest >= batch_seconds) break;
  }
  return calls;
}

}  // namespace

void wrong(const std::string& what) { throw std::runtime_error("wrong answer: " + what); }

double now() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

stopwatch::stopwatch() : cpu_(cpu_now()), begin_(now()) {}

repetition stopwatch::lap(double count) const {
  const double seconds = now() - begin_;
  return {seconds, count, cpu_now() - cpu_, 0};
}

event many_calls(std::string name, std::string unit, std::function<void(std::size_t)> batch) {
  const auto timed_batch = [batch = std::move(batch)](std::size_t n) {
    const stopwatch watch;
    batch(n);
    return watch.lap(static_cast<double>(n));
  };
  const auto calls = std::make_shared<std::size_t>(0);
  return {std::move(name), std::move(unit), [calls, timed_batch]() -> repetition {
            if (*calls == 0) *calls = enough_calls(timed_batch);
            const auto result = timed_batch(*calls);
            if (result.seconds < batch_seconds && *calls < most_calls) *calls *= 2;
            return result;
          }};
}

int run_contest(int argc, char** argv, const entrant& who,
                const std::function<std::vector<event>(const contest_settings&)>& make) {
  int result = 0;
  try {
    const auto o = parse(argc, argv);
    performer p(who, o, make(o.settings));
    if (o.serve) {
      p.serve();
    } else {
      p.show();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s on %s: %s\n", who.workload.c_str(), who.runtime.c_str(), error.what());
    result = 1;
  }
  std::fflush(stdout);
  // Runtimes differ in how they end, and some cannot: that is no part of any contest.
  std::_Exit(result);
}

}  // namespace filch::bench
