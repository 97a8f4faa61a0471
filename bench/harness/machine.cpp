#include "machine.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include <fstream>
#include <string>

#include "commit.hpp"

namespace filch::bench {

namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string kernel() {
  utsname name{};
  return ::uname(&name) == 0 ? std::string(name.sysname) + " " + name.release : "unknown";
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

double load() {
  std::ifstream file("/proc/loadavg");
  double one_minute = 0;
  file >> one_minute;
  return one_minute;
}

}  // namespace

nlohmann::ordered_json describe_machine() {
#ifdef __clang__
  const std::string compiler = __VERSION__;
#else
  const std::string compiler = std::string("g++ ") + __VERSION__;
#endif
  return {{"processor", processor()}, {"cores", usable_cores()}, {"kernel", kernel()},
          {"compiler", compiler},     {"commit", commit},        {"load_average", load()}};
}

usage used_so_far() {
  timespec cpu{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  rusage counts{};
  ::getrusage(RUSAGE_SELF, &counts);
  return {std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec), counts.ru_nvcsw,
          counts.ru_nivcsw};
}

}  // namespace filch::bench
