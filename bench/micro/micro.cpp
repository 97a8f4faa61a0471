#include <benchmark/benchmark.h>
#include <filch/fork_join.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/submit.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// \file
/// The price of each single verb, when what it runs costs nothing. No targets: a base to compare
/// later commits with, on one machine.

namespace filch::bench {
namespace {

/// Set by any benchmark whose answer is wrong; main exits with it.
std::atomic<bool> failed{false};

void expect(benchmark::State& state, bool right) {
  if (right) return;
  failed.store(true, std::memory_order_relaxed);
  state.SkipWithError("wrong answer");
}

void submit_and_get(benchmark::State& state) {
  const pool p(static_cast<unsigned>(state.range(0)));
  int sent = 0;
  for (auto _ : state) {
    const int got = p.submit([sent] { return sent + 1; }).get();
    if (got != sent + 1) expect(state, false);
    ++sent;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(submit_and_get)->Arg(1)->Arg(2)->UseRealTime();

/// Handed to a worker for certain: the caller only looks.
void submit_and_poll(benchmark::State& state) {
  const pool p(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    auto result = p.submit([] { return 1; });
    while (!result.ready()) std::this_thread::yield();
    if (result.get() != 1) expect(state, false);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(submit_and_poll)->Arg(1)->Arg(2)->UseRealTime();

void post_a_million(benchmark::State& state) {
  constexpr std::size_t jobs = 1'000'000;
  const pool p(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    std::atomic<std::size_t> ran{0};
    for (std::size_t i = 0; i < jobs; ++i) {
      p.post([&ran] { ran.fetch_add(1, std::memory_order_release); });
    }
    while (ran.load(std::memory_order_acquire) < jobs) std::this_thread::yield();
    expect(state, ran.load(std::memory_order_relaxed) == jobs);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(jobs));
}
BENCHMARK(post_a_million)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

long fib(const pool& p, int n) {
  if (n < 2) return n;
  const auto [left, right] =
      p.fork_join([&p, n] { return fib(p, n - 1); }, [&p, n] { return fib(p, n - 2); });
  return left + right;
}

void fork_join_fib_25(benchmark::State& state) {
  constexpr std::int64_t forks = 121'392;
  const pool p(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    const long got = std::get<0>(p.fork_join([&p] { return fib(p, 25); }));
    expect(state, got == 75'025);
  }
  state.SetItemsProcessed(state.iterations() * forks);
}
BENCHMARK(fork_join_fib_25)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

void for_index_empty(benchmark::State& state) {
  const pool p(static_cast<unsigned>(state.range(0)));
  const auto n = static_cast<std::size_t>(state.range(1));
  std::vector<unsigned char> reached(n);
  for (auto _ : state) {
    p.for_index(std::size_t{0}, n, [&reached](std::size_t i) { reached[i] = 1; });
  }
  for (const auto one : reached) expect(state, one == 1);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(for_index_empty)->ArgsProduct({{1, 2}, {2, 1000}})->UseRealTime();

void race_of_four(benchmark::State& state) {
  const pool p(static_cast<unsigned>(state.range(0)));
  const std::array<int, 4> contenders{0, 1, 2, 3};
  for (auto _ : state) {
    const auto winner = p.race([](int i) { return i; }, contenders);
    if (winner.value != static_cast<int>(winner.index)) expect(state, false);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(race_of_four)->Arg(2)->UseRealTime();

/// `--json FILE`, as all benchmarks here have it, in the words of Google Benchmark.
std::vector<std::string> translated(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i] != "--json") continue;
    words[i] = "--benchmark_out=" + words[i + 1];
    words[i + 1] = "--benchmark_out_format=json";
  }
  return words;
}

int run(int argc, char** argv) {
  auto words = translated(argc, argv);
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return failed.load(std::memory_order_relaxed) ? 1 : 0;
}

}  // namespace
}  // namespace filch::bench

int main(int argc, char** argv) { return filch::bench::run(argc, argv); }
