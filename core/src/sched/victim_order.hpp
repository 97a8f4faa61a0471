#pragma once

namespace filch {
inline namespace v0 {
namespace detail {

/// Visits the numbers below `n`, those at distance 0 first, then those at 1, up to `farthest`; each
/// group from a random start, so that thieves spread. Ends at the first visit that says true, and
/// returns it. Where all are near, `distance_of` is never asked.
/// What changes its distance meanwhile is met twice or not at all.
template <class Random, class DistanceOf, class Visit>
bool nearest_first(unsigned n, unsigned farthest, Random random, DistanceOf distance_of,
                   Visit visit) {
  if (n == 0) return false;
  for (unsigned away = 0; away <= farthest; ++away) {
    const unsigned first = random() % n;
    for (unsigned k = 0; k < n; ++k) {
      const unsigned i = (first + k) % n;
      if (farthest != 0 && distance_of(i) != away) continue;
      if (visit(i)) return true;
    }
  }
  return false;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
