#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "harness/contest.hpp"
#include "runtime.hpp"

/// \file
/// Trees at the ends of the scale: two leaves so long that nobody forks for a third of a second,
/// and a tree so small that waking somebody costs more than doing it.

namespace filch::bench::corners {
namespace {

using namespace std::chrono_literals;

constexpr double long_leaf_seconds = 0.3;
constexpr std::size_t nodes = 1000;
constexpr std::size_t sleeping_calls = 20;

/// From outside of the pool, by the call that the runtime has for it.
template <class Runtime, class F>
auto entered(Runtime& r, F&& f) {
  if constexpr (requires { r.enter(f); }) {
    return r.enter(f);
  } else {
    return r.run(f);
  }
}

int spin() {
  const double end = now() + long_leaf_seconds;
  while (now() < end) {
  }
  return 1;
}

/// One thread alone needs twice the leaf's time.
repetition two_long_leaves(runtime& r) {
  const stopwatch watch;
  const int ran = entered(r, [] {
    const auto [left, right] = runtime::fork(spin, spin);
    return left + right;
  });
  const auto result = watch.lap(1);
  if (ran != 2) wrong("not two leaves ran");
  return result;
}

/// Some twenty nanoseconds of arithmetic. Each step needs the one before, but the processor
/// overlaps several nodes: so there are more steps than their latency would need.
std::uint64_t node_work(std::uint64_t x) noexcept {
  for (int i = 0; i < 24; ++i) x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9U;
  return x & 1;
}

/// How many of the nodes lo to hi - 1 have an odd outcome, by halves.
std::uint64_t small_tree(std::size_t lo, std::size_t hi) {
  if (hi - lo == 1) return node_work(lo);
  const auto middle = lo + (hi - lo) / 2;
  const auto [left, right] =
      runtime::fork([=] { return small_tree(lo, middle); }, [=] { return small_tree(middle, hi); });
  return left + right;
}

void walk(runtime& r) {
  static const auto expected = [] {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < nodes; ++i) sum += node_work(i);
    return sum;
  }();
  if (entered(r, [] { return small_tree(0, nodes); }) != expected) wrong("the small tree's sum");
}

/// The same after the pool has fallen asleep; the sleep itself is not in the time.
repetition from_sleep(runtime& r) {
  repetition sum{0, static_cast<double>(sleeping_calls), 0, 0};
  for (std::size_t i = 0; i < sleeping_calls; ++i) {
    std::this_thread::sleep_for(5ms);
    const stopwatch watch;
    walk(r);
    const auto one = watch.lap(1);
    sum.seconds += one.seconds;
    sum.cpu += one.cpu;
  }
  return sum;
}

std::vector<event> events(const contest_settings& s) {
  auto& r = *new runtime(s.threads);
  return {{"two leaves of 300 ms", "call", [&r] { return two_long_leaves(r); }},
          many_calls("1000 small nodes", "tree",
                     [&r](std::size_t n) {
                       for (std::size_t i = 0; i < n; ++i) walk(r);
                     }),
          {"1000 small nodes, pool asleep", "tree", [&r] { return from_sleep(r); }}};
}

}  // namespace
}  // namespace filch::bench::corners

int main(int argc, char** argv) {
  using namespace filch::bench;
  return run_contest(argc, argv, {"corners", runtime::name, runtime::version()}, corners::events);
}
