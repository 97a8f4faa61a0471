#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/select.hpp>
#include <filch/submit.hpp>

#include <chrono>
#include <cstdint>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "harness/machine.hpp"
#include "harness/program.hpp"
#include "harness/table.hpp"

/// What a pool costs while nobody uses it.
namespace filch::bench {
namespace {

using namespace std::chrono_literals;

struct settings {
  std::vector<std::string> engines = {"native", "tbb"};
  unsigned workers = 8;
  unsigned seconds = 10;
};

/// A bit of everything, so that each kind of thread has run and must find its rest.
void use(const pool& p) {
  std::vector<int> numbers(1'000'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto mapped = p.map([](int x) { return x + 1; }, numbers);
  if (mapped.front() != 1 || mapped.back() != 1'000'000) throw wrong_answer("map");
  int sum = 0;
  for (int i = 0; i < 1000; ++i) sum += p.submit([i] { return i; }).get();
  if (sum != 499'500) throw wrong_answer("submit");
  const std::vector<int> few(8, 1);
  p.with(on_io).for_each(few, [](int) { std::this_thread::sleep_for(5ms); });
}

struct idle_figures {
  double core_percent;
  double switches_per_second;
};

idle_figures watch(report& out, const settings& s) {
  // Spins end and lent threads go home within this time.
  std::this_thread::sleep_for(500ms);
  const auto before = used_so_far();
  const auto start = std::chrono::steady_clock::now();
  for (unsigned second = 0; second < s.seconds; ++second) {
    out.progress().show("idle seconds", second, s.seconds);
    std::this_thread::sleep_until(start + std::chrono::seconds(second + 1));
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  const auto after = used_so_far();
  const std::chrono::duration<double> cpu = after.cpu - before.cpu;
  const auto switches = after.voluntary_switches - before.voluntary_switches;
  return {100 * cpu.count() / wall.count(), static_cast<double>(switches) / wall.count()};
}

void measure(report& out, const settings& s) {
  table shown(
      {"pool of " + std::to_string(s.workers) + ", idle " + std::to_string(s.seconds) + " s",
       "% of a core", "switches/s"});
  auto& data = out.data();
  data["workers"] = s.workers;
  data["seconds"] = s.seconds;
  const auto tell = [&](const std::string& who, const idle_figures& f) {
    data["pools"].push_back({{"pool", who},
                             {"percent_of_a_core", f.core_percent},
                             {"voluntary_switches_per_second", f.switches_per_second}});
    shown.row({who, fixed(f.core_percent, 4), fixed(f.switches_per_second, 2)});
  };
  // The measuring thread wakes once a second itself.
  tell("none", watch(out, s));
  std::vector<std::pair<std::string, double>> percents;
  for (const auto& engine : s.engines) {
    const pool p(make_engine(engine, s.workers));
    use(p);
    const auto figures = watch(out, s);
    tell(engine, figures);
    percents.emplace_back(engine, figures.core_percent);
  }
  out.print("\n" + shown.text());
  for (const auto& [engine, percent] : percents) {
    out.target("idle pool on " + engine + ", % of a core", percent, 0.1);
  }
}

}  // namespace
}  // namespace filch::bench

int main(int argc, char** argv) {
  using namespace filch::bench;
  settings s;
  program bench("idle", "What does a pool of 8 use while it has nothing to do?");
  bench.options().add_option("--workers", s.workers, "cpu workers")->capture_default_str();
  bench.options()
      .add_option("--seconds", s.seconds, "how long each pool is watched")
      ->capture_default_str();
  bench.options()
      .add_option("--engines", s.engines, "engines to watch, one after another")
      ->capture_default_str();
  return bench.run(argc, argv, [&s](report& out) { measure(out, s); });
}
