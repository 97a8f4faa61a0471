#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>

std::vector<float> twice(const filch::pool& p, const std::vector<float>& xs) {
  return p.map([](float x) { return x * 2; }, xs);
}
