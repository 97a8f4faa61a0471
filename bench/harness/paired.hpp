#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "progress_line.hpp"
#include "statistics.hpp"

/// \file
/// Comparing runtimes on a machine that is never quite still: all of them run in turns, A B C A B
/// C, and what counts is the ratio inside a turn. A drift of the machine, slower than a turn, is in
/// both and falls out.

namespace filch::bench {

using seconds = std::chrono::duration<double>;

/// One way to do the work.
struct contender {
  std::string name;
  /// Does the work once and gives the time of the part that counts. Throws: `wrong_answer`.
  std::function<seconds()> run;
};

/// What a contender's runs took, in seconds, turn by turn.
struct series {
  std::string name;
  std::vector<double> times;
};

struct turns {
  std::size_t warm_up = 3;
  std::size_t measured = 31;
  /// Between two runs, so that the threads of the one before are asleep.
  std::chrono::milliseconds pause{2};
};

/// Runs all contenders in turns, each second turn in the opposite order, so that none always runs
/// after the same other one.
std::vector<series> run_in_turns(const std::vector<contender>& contenders, const turns& how,
                                 progress_line& shown);

/// The ratios turn by turn, a / b, with the interval of their median.
struct ratio {
  std::vector<double> by_turn;
  interval of_median;
};
ratio compare(const series& a, const series& b);

/// The series called `name`. Throws: std::out_of_range.
const series& named(const std::vector<series>& all, std::string_view name);

nlohmann::ordered_json to_json(const interval& i);
/// The series with its median and interval, each run included.
nlohmann::ordered_json to_json(const series& s);

/// The time `work()` takes.
template <class Work>
seconds timed(Work&& work) {
  const auto before = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - before;
}

}  // namespace filch::bench
