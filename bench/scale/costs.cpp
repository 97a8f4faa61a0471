#include "scale/costs.hpp"

#include <fstream>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

namespace filch::bench::scale {

namespace {

constexpr std::pair<const char*, double costs::*> names[] = {
    {"fib_call", &costs::fib_call},
    {"uts_t1_node", &costs::uts_t1_node},
    {"uts_t3_node", &costs::uts_t3_node},
    {"nqueens_test", &costs::nqueens_test},
    {"sort_element", &costs::sort_element},
    {"merge_element", &costs::merge_element},
    {"merge_split", &costs::merge_split},
    {"fork", &costs::fork},
    {"pause", &costs::pause},
    {"clock", &costs::clock},
    {"fence", &costs::fence},
    {"exchange", &costs::exchange},
    {"line", &costs::line},
    {"line_far", &costs::line_far},
    {"barrier", &costs::barrier},
    {"barrier_beside", &costs::barrier_beside},
    {"barrier_core", &costs::barrier_core},
    {"barrier_core_far", &costs::barrier_core_far},
    {"barrier_holds", &costs::barrier_holds},
    {"interruption", &costs::interruption},
    {"sleep", &costs::sleep},
    {"wake_call", &costs::wake_call},
    {"wake_latency", &costs::wake_latency},
    {"wake_nobody", &costs::wake_nobody},
    {"start_call", &costs::start_call},
    {"start_latency", &costs::start_latency},
    {"slice", &costs::slice},
};

}  // namespace

costs costs_from(const nlohmann::json& data) {
  costs c;
  for (const auto& [name, field] : names) {
    if (!data.contains(name) || !data.at(name).contains("ns")) {
      throw std::runtime_error(std::string("the costs lack '") + name +
                               "': measure them again with bench/scale/run.py measure");
    }
    c.*field = data.at(name).at("ns").get<double>();
  }
  return c;
}

costs read_costs(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read the costs from " + file);
  return costs_from(nlohmann::json::parse(in).at("costs"));
}

}  // namespace filch::bench::scale
