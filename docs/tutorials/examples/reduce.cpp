#include <cstdint>
#include <functional>
#include <iostream>
#include <utility>

#include <filch/filch.hpp>

// [function]
std::int64_t sum_of(const std::pair<std::int64_t, std::int64_t>& part) {
  std::int64_t sum = 0;
  for (std::int64_t i = part.first; i < part.second; ++i) sum += i;
  return sum;
}
// [end]

int main() {
  // [reduce]
  filch::pool pool;
  std::int64_t total = pool.reduce(filch::range(0, 10'000'000), std::int64_t{0}, std::plus<>{});
  // [end]
  std::cout << total << '\n';

  // [subranges]
  const auto parts = filch::subranges(std::int64_t{0}, std::int64_t{10'000'000}, 64);
  total = pool.transform_reduce(parts, std::int64_t{0}, std::plus<>{}, sum_of);
  // [end]
  std::cout << total << '\n';

  // [scan]
  auto running = pool.scan(filch::range(1, 6), std::plus<>{});
  // [end]
  for (int each : running) std::cout << each << ' ';
  std::cout << '\n';
}

// [output]
// 49999995000000
// 49999995000000
// 1 3 6 10 15
// [end]
