#include "program.hpp"

#include <cstdio>
#include <exception>
#include <fstream>
#include <utility>

#include "machine.hpp"
#include "table.hpp"

namespace filch::bench {

void report::print(std::string_view text) {
  progress_.clear();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void report::target(std::string_view what, double measured, double at_most) {
  const bool met = measured <= at_most;
  all_met_ = all_met_ && met;
  data_["targets"].push_back(
      {{"what", what}, {"measured", measured}, {"at_most", at_most}, {"met", met}});
  print(std::string(met ? "met     " : "MISSED  ") + std::string(what) + ": " + fixed(measured, 3) +
        ", at most " + fixed(at_most, 3) + "\n");
}

program::program(std::string name, std::string question)
    : name_(std::move(name)),
      question_(std::move(question)),
      options_(question_, "bench_" + name_) {
  options_.add_option("--json", json_file_, "write all figures to this file");
  options_.add_flag("--check", check_, "exit with 2 if a target is missed");
}

int program::run(int argc, char** argv, const std::function<void(report&)>& measure) {
  try {
    options_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return options_.exit(error);
  }
  try {
    report found;
    auto& data = found.data();
    data = {{"name", name_}, {"question", question_}, {"machine", describe_machine()}};
    found.print(question_ + "\n");
    for (const auto& [what, value] : data["machine"].items()) {
      found.print(what + ": " + (value.is_string() ? value.get<std::string>() : value.dump()) +
                  "\n");
    }
    measure(found);
    if (!json_file_.empty()) {
      std::ofstream file(json_file_);
      file << data.dump(2) << '\n';
      if (!file.flush()) throw std::runtime_error("cannot write " + json_file_);
    }
    return check_ && !found.all_met() ? 2 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_%s: %s\n", name_.c_str(), error.what());
    return 1;
  }
}

}  // namespace filch::bench
