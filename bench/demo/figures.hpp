#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace demo {

/// What one engine needed for one case, and whether its answers were right.
struct measured {
  std::vector<double> seconds;
  bool correct = true;

  double median() const;
};

/// One line of the table: a case of a recipe on each engine, beside what it compares with.
struct row {
  std::string recipe;
  std::string label;
  /// What `yardstick_seconds` is: "arithmetic", "plain loop", "best mirror".
  std::string yardstick;
  double yardstick_seconds = 0;
  /// 0 where filch chooses.
  std::size_t in_flight = 0;
  std::vector<measured> engines;
};

/// What became of a contender of a race.
struct fate {
  std::string engine;
  std::string mirror;
  std::string what;
  double seconds = 0;
};

/// Everything a run of the demo has found out.
struct figures {
  std::vector<std::string> engines;
  bool quick = false;
  double latency_seconds = 0;
  /// The machine's load average before the run.
  double load_before = 0;
  std::vector<row> rows;
  std::vector<fate> fates;

  bool all_correct() const;
  void print_table(std::ostream& out) const;
  nlohmann::json to_json() const;
};

}  // namespace demo
