#include <cstddef>
#include <vector>

#include "harness/contest.hpp"
#include "mixed_load/workload.hpp"
#include "runtime.hpp"

/// \file
/// A loop that computes, in a pool in which other jobs sleep. The size is the number of sleepers,
/// and of elements there are four times as many.

namespace filch::bench::mixed_load {
namespace {

repetition compute(runtime& r, std::size_t elements) {
  results found(elements);
  const stopwatch watch;
  r.loop(elements, [&found](std::size_t i) { found(i); });
  const auto took = watch.lap(static_cast<double>(elements));
  found.check();
  return took;
}

/// Lets `n` jobs sleep and does something meanwhile; when the last one woke. A runtime of whose
/// threads the caller is one has its own way, so that the caller waits as one of them.
template <class Runtime, class Meanwhile>
double with_sleepers(Runtime& r, std::size_t n, const Meanwhile& meanwhile) {
  const sleepers crowd(n);
  if constexpr (requires { r.background(n, crowd.job(), meanwhile); }) {
    r.background(n, crowd.job(), meanwhile);
  } else {
    for (std::size_t i = 0; i < n; ++i) r.post(crowd.job());
    meanwhile();
  }
  return crowd.last();
}

/// How long the loop takes, and how much longer than alone, a moment before.
repetition beside_sleepers(runtime& r, std::size_t n) {
  const auto elements = elements_per_sleeper * n;
  const auto alone = compute(r, elements);
  repetition beside;
  with_sleepers(r, n, [&] { beside = compute(r, elements); });
  beside.extra = beside.seconds / alone.seconds;
  return beside;
}

/// How long the sleepers take, from before the first is submitted to when the last wakes.
repetition until_awake(runtime& r, std::size_t n) {
  const stopwatch watch;
  const double begin = now();
  const double end = with_sleepers(r, n, [&] { compute(r, elements_per_sleeper * n); });
  auto took = watch.lap(1);
  took.seconds = end - begin;
  return took;
}

std::vector<event> events(const contest_settings& s) {
  auto& r = *new runtime(s.threads);
  const auto n = s.size == 0 ? usual_sleepers : static_cast<std::size_t>(s.size);
  return {{"computing beside sleepers", "element", [&r, n] { return beside_sleepers(r, n); },
           "times as long as alone"},
          {"sleepers beside computing", "crowd", [&r, n] { return until_awake(r, n); }}};
}

}  // namespace
}  // namespace filch::bench::mixed_load

int main(int argc, char** argv) {
  using namespace filch::bench;
  return run_contest(argc, argv, {"mixed_load", runtime::name, runtime::version()},
                     mixed_load::events);
}
