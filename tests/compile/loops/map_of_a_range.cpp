#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/ranges.hpp>

std::vector<int> squares(const filch::pool& p, int n) {
  return p.map([](int i) { return i * i; }, filch::range(n));
}
