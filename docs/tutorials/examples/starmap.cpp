#include <cmath>
#include <cstddef>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <filch/filch.hpp>

// [function]
double distance(double x, double y) { return std::sqrt(x * x + y * y); }
// [end]

int main() {
  const std::vector<double> xs{3, 5, 8};
  const std::vector<double> ys{4, 12, 15};
  // [starmap]
  filch::pool pool;
  std::vector<double> d = pool.starmap(distance, filch::zip(xs, ys));
  // [end]
  for (double each : d) std::cout << each << ' ';

  // [map]
  d = pool.map(distance, xs, ys);  // the same, without the zip
  // [end]
  for (double each : d) std::cout << each << ' ';

  // [pairs]
  std::vector<std::pair<std::string, int>> orders{{"tea", 2}, {"milk", 1}};
  auto lines = pool.starmap(
      [](const std::string& what, int n) { return std::to_string(n) + " x " + what; }, orders);
  // [end]
  for (const auto& line : lines) std::cout << line << ' ';

  // [enumerate]
  std::vector<std::string> names{"ada", "grace"};
  auto numbered = pool.starmap(
      [](std::size_t i, const std::string& name) { return std::to_string(i) + ": " + name; },
      filch::enumerate(names));
  // [end]
  for (const auto& each : numbered) std::cout << each << ' ';
  std::cout << '\n';
}

// [output]
// 5 13 17 5 13 17 2 x tea 1 x milk 0: ada 1: grace
// [end]
