#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// \file
/// The frame of a contest program: one workload on one runtime. It starts the runtime's threads
/// once, then times one repetition whenever it is told to, so that `bench/run.py` can let many such
/// programs, each built by the compiler that suits its runtime, run in turns: A B C A B C.
///
/// It uses nothing but the standard library: what it needs itself is in each peak of memory.

namespace filch::bench {

/// What one timed repetition gave.
struct repetition {
  double seconds = 0;
  /// How many of the event's units were done in that time.
  double count = 1;
  /// CPU time of all threads of the process meanwhile.
  double cpu = 0;
  /// A second figure, if the event has one.
  double extra = 0;
};

/// Runs from its construction on.
class stopwatch {
 public:
  stopwatch();
  repetition lap(double count) const;

 private:
  double cpu_;
  double begin_;
};

/// One thing the program can be timed at. `run` throws, or calls `wrong`, if the answer is wrong.
struct event {
  std::string name;
  /// What `repetition::count` counts, in the singular: "fork", "call", "job".
  std::string unit;
  std::function<repetition()> run;
  /// What `repetition::extra` is; empty: it has none.
  std::string extra_is = {};
};

struct contest_settings {
  unsigned threads = 2;
  /// The problem's size in the workload's own measure; 0: its usual size.
  std::int64_t size = 0;
};

/// Who runs and what.
struct entrant {
  std::string workload;
  std::string runtime;
  std::string version;
};

/// Reports a wrong answer: its time means nothing. Throws, always.
[[noreturn]] void wrong(const std::string& what);

/// Seconds on a clock that never jumps.
double now() noexcept;

/// Runs the program: reads the options, makes the events, and obeys. Returns main's result: 0, or
/// 1 after a wrong answer or another failure.
int run_contest(int argc, char** argv, const entrant& who,
                const std::function<std::vector<event>(const contest_settings&)>& make);

/// An event of calls too short to time one by one: `batch(n)` does n of them. n
/// grows at the first repetition until a batch takes ten milliseconds.
event many_calls(std::string name, std::string unit, std::function<void(std::size_t)> batch);

/// One repetition of `solve(runtime, problem)`, checked.
template <class Problem, class Runtime, class Solve>
repetition solved(Problem& problem, Runtime& runtime, const Solve& solve) {
  problem.prepare();
  const stopwatch watch;
  if constexpr (std::is_void_v<decltype(solve(runtime, problem))>) {
    solve(runtime, problem);
    const auto result = watch.lap(problem.units());
    problem.check();
    return result;
  } else {
    const auto answer = solve(runtime, problem);
    const auto result = watch.lap(problem.units());
    problem.check(answer);
    return result;
  }
}

/// A runtime that says `waits_pile_up` runs any job on the stack of whoever waits: a tree with long
/// chains of forks (`is_deep`) overflows it, and is not given to it.
template <class Runtime, class Problem>
bool fits(const Problem& problem) {
  if constexpr (requires { Runtime::waits_pile_up; }) {
    return !(Runtime::waits_pile_up && problem.is_deep());
  } else {
    return true;
  }
}

/// A program that solves `Problem` on `Runtime`.
///
/// `Problem(size)` has `static constexpr name`, `unit`, `units()`, `prepare()` for what must be
/// done before each repetition, and `check(answer)`, which calls `wrong`. If it has a static
/// `each(size)`, a vector of problems with an `event_name()` and an `is_deep()` each, each of them
/// is an event. `Runtime(threads)` has `static constexpr name` and `version()`. `solve(runtime,
/// problem)` is what is timed.
template <class Problem, class Runtime, class Solve>
int contest(int argc, char** argv, Solve solve) {
  const entrant who{Problem::name, Runtime::name, Runtime::version()};
  return run_contest(argc, argv, who, [&](const contest_settings& s) {
    // Shared by the events and never destroyed: some runtimes' threads outlive main.
    auto& runtime = *new Runtime(s.threads);
    std::vector<event> events;
    const auto add = [&](std::string name, auto& problem) {
      events.push_back({std::move(name), Problem::unit,
                        [&runtime, &problem, solve] { return solved(problem, runtime, solve); }});
    };
    if constexpr (requires { Problem::each(s.size); }) {
      auto& problems = *new auto(Problem::each(s.size));
      for (auto& problem : problems) {
        if (fits<Runtime>(problem)) add(problem.event_name(), problem);
      }
    } else {
      add(Problem::name, *new Problem(s.size));
    }
    return events;
  });
}

}  // namespace filch::bench
