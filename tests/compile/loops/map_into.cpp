#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>

void twice(const filch::pool& p, const std::vector<float>& xs, std::vector<float>& ys) {
  p.map_into(ys, [](float x) { return x * 2; }, xs);
}
