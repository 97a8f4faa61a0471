#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "progress_line.hpp"

namespace filch::bench {

/// A runtime solved the workload's problem wrongly, so its time means nothing.
class wrong_answer : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a benchmark finds out, for people (tables on stdout) and for programs (JSON).
class report {
 public:
  nlohmann::ordered_json& data() noexcept { return data_; }
  progress_line& progress() noexcept { return progress_; }
  /// Prints, after taking the progress line away.
  void print(std::string_view text);
  /// Holds a figure against its target; a miss is reported, and fails the program under --check.
  void target(std::string_view what, double measured, double at_most);
  bool all_met() const noexcept { return all_met_; }

 private:
  nlohmann::ordered_json data_;
  progress_line progress_;
  bool all_met_ = true;
};

/// The frame of a benchmark program: its options, of which `--json FILE` and `--check` are common
/// to all, the machine it ran on, and what its exit code says: 0 measured, 1 a wrong answer or
/// another failure, 2 a target missed under --check.
class program {
 public:
  program(std::string name, std::string question);
  /// To add options of its own.
  CLI::App& options() noexcept { return options_; }
  int run(int argc, char** argv, const std::function<void(report&)>& measure);

 private:
  std::string name_;
  std::string question_;
  std::string json_file_;
  bool check_ = false;
  CLI::App options_;
};

}  // namespace filch::bench
