#include <cstddef>
#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>

void add_one(const filch::pool& p, std::vector<unsigned long>& xs) {
  p.for_index(std::size_t{0}, xs.size(), [&](std::size_t i) { ++xs[i]; });
}
