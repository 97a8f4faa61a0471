#include "statistics.hpp"

#include <algorithm>
#include <cmath>

namespace filch::bench {

double quantile(std::vector<double> sample, double part) {
  if (sample.empty()) return 0;
  std::sort(sample.begin(), sample.end());
  const auto rank = std::ceil(part * static_cast<double>(sample.size()));
  const auto index = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return sample[std::min(index, sample.size() - 1)];
}

std::size_t lower_rank(std::size_t n) {
  // Each side may miss the median with 2.5 %: sum binomial(n, k) / 2^n upwards to there.
  constexpr double each_side = 0.025;
  const auto count = static_cast<double>(n);
  double log_term = -count * std::log(2.0);
  double below = 0;
  std::size_t rank = 0;
  for (std::size_t k = 0; k < n / 2; ++k) {
    below += std::exp(log_term);
    if (below > each_side) break;
    rank = k;
    log_term += std::log((count - static_cast<double>(k)) / (static_cast<double>(k) + 1));
  }
  return rank;
}

interval median_interval(std::vector<double> sample) {
  if (sample.empty()) return {};
  std::sort(sample.begin(), sample.end());
  const auto n = sample.size();
  const auto low = lower_rank(n);
  const double median = (sample[(n - 1) / 2] + sample[n / 2]) / 2;
  return {median, sample[low], sample[n - 1 - low]};
}

}  // namespace filch::bench
