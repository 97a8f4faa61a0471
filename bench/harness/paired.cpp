#include "paired.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace filch::bench {

namespace {

std::vector<std::size_t> order_of_turn(std::size_t turn, std::size_t n) {
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = turn % 2 == 0 ? i : n - 1 - i;
  return order;
}

}  // namespace

std::vector<series> run_in_turns(const std::vector<contender>& contenders, const turns& how,
                                 progress_line& shown) {
  std::vector<series> all;
  for (const auto& c : contenders) all.push_back({c.name, {}});
  const auto total = how.warm_up + how.measured;
  for (std::size_t turn = 0; turn < total; ++turn) {
    for (const auto i : order_of_turn(turn, contenders.size())) {
      shown.show(contenders[i].name, turn + 1, total);
      std::this_thread::sleep_for(how.pause);
      const auto took = contenders[i].run();
      if (turn >= how.warm_up) all[i].times.push_back(took.count());
    }
  }
  shown.clear();
  return all;
}

ratio compare(const series& a, const series& b) {
  ratio result;
  for (std::size_t turn = 0; turn < std::min(a.times.size(), b.times.size()); ++turn) {
    result.by_turn.push_back(a.times[turn] / b.times[turn]);
  }
  result.of_median = median_interval(result.by_turn);
  return result;
}

const series& named(const std::vector<series>& all, std::string_view name) {
  for (const auto& s : all) {
    if (s.name == name) return s;
  }
  throw std::out_of_range("no series is called " + std::string(name));
}

nlohmann::ordered_json to_json(const interval& i) {
  return {{"median", i.median}, {"low", i.low}, {"high", i.high}};
}

nlohmann::ordered_json to_json(const series& s) {
  return {{"name", s.name}, {"median_s", to_json(median_interval(s.times))}, {"times_s", s.times}};
}

}  // namespace filch::bench
