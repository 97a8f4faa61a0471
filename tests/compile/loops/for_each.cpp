#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>

void add_one(const filch::pool& p, std::vector<int>& xs) {
  p.for_each(xs, [](int& x) { ++x; });
}
