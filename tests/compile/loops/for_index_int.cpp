#include <vector>

#include <filch/map.hpp>
#include <filch/pool.hpp>

void twice(const filch::pool& p, const std::vector<float>& xs, std::vector<float>& ys) {
  p.for_index(0, static_cast<int>(xs.size()), [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    ys[at] = xs[at] * 2;
  });
}
