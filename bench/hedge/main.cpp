#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <filch/hedge.hpp>
#include <filch/io.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>

#include "harness/program.hpp"
#include "harness/statistics.hpp"
#include "harness/table.hpp"

/// What a second request does to the slowest answers, and what it costs.
namespace filch::bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct settings {
  unsigned calls = 10'000;
  unsigned at_once = 32;
  unsigned slow_per_mille = 20;
  std::uint64_t seed = 1;
};

/// A service with a heavy tail: 8 to 12 ms, but 500 ms for some. Which answer is slow does not
/// depend on who asks: it is drawn for each request anew.
class service {
 public:
  explicit service(const settings& s) : s_(s) {}
  int ask() {
    std::mt19937_64 draw(s_.seed * 1'000'003 + requests_.fetch_add(1));
    draw.discard(3);
    const bool slow = draw() % 1000 < s_.slow_per_mille;
    io::sleep_for(slow ? 500ms : 8ms + std::chrono::microseconds(draw() % 4000));
    return 1;
  }
  std::uint64_t requests() const { return requests_; }

 private:
  const settings& s_;
  std::atomic<std::uint64_t> requests_{0};
};

struct outcome {
  std::vector<double> times_ms;
  double requests_per_call;
};

outcome run(const settings& s, const std::function<int(service&)>& call) {
  const pool p(2U);
  service asked(s);
  std::vector<int> calls(s.calls);
  const auto times =
      p.with({.in_flight = s.at_once, .lane = lane::io})
          .map(
              [&](int) {
                const auto begin = clock::now();
                if (call(asked) != 1) throw wrong_answer("hedge");
                return std::chrono::duration<double, std::milli>(clock::now() - begin).count();
              },
              calls);
  return {times, static_cast<double>(asked.requests()) / s.calls};
}

void measure(report& out, const settings& s) {
  latency_tracker usual(0.95);
  hedge_budget extra(0.05, 10);
  const std::pair<const char*, std::function<int(service&)>> ways[] = {
      {"one request", [](service& to) { return to.ask(); }},
      {"hedged at p95",
       [&](service& to) {
         return hedge([&to] { return to.ask(); },
                      {.after = 50ms, .budget = &extra, .latency = &usual})
             .value;
       }},
  };
  table shown(
      {std::to_string(s.calls) + " calls, ms", "median", "p99", "p99.9", "requests a call"});
  std::vector<outcome> got;
  for (const auto& [name, call] : ways) {
    out.progress().show(name, got.size(), std::size(ways));
    got.push_back(run(s, call));
    const auto& o = got.back();
    const double tail = quantile(o.times_ms, 0.999);
    shown.row({name, fixed(quantile(o.times_ms, 0.5), 2), fixed(quantile(o.times_ms, 0.99), 2),
               fixed(tail, 2), fixed(o.requests_per_call, 3)});
    out.data()["ways"].push_back({{"way", name},
                                  {"median_ms", quantile(o.times_ms, 0.5)},
                                  {"p99_ms", quantile(o.times_ms, 0.99)},
                                  {"p999_ms", tail},
                                  {"requests_per_call", o.requests_per_call}});
  }
  out.print("\n" + shown.text());
  out.target("p99.9 hedged, of that of one request",
             quantile(got[1].times_ms, 0.999) / quantile(got[0].times_ms, 0.999), 0.2);
  out.target("requests a call", got[1].requests_per_call, 1.06);
}

}  // namespace
}  // namespace filch::bench

int main(int argc, char** argv) {
  using namespace filch::bench;
  settings s;
  program bench("hedge",
                "What does a second request do to the slowest answers, and what does it cost?");
  bench.options().add_option("--calls", s.calls, "calls each way")->capture_default_str();
  bench.options().add_option("--at-once", s.at_once, "calls under way")->capture_default_str();
  bench.options()
      .add_option("--slow-per-mille", s.slow_per_mille, "requests that take 500 ms")
      ->capture_default_str();
  bench.options().add_option("--seed", s.seed, "of the draws")->capture_default_str();
  return bench.run(argc, argv, [&s](report& out) { measure(out, s); });
}
