#pragma once

#include <cstddef>
#include <vector>

namespace filch::bench {

/// The middle of a sample, and where the middle of all possible runs lies with 95 % confidence.
struct interval {
  double median = 0;
  double low = 0;
  double high = 0;
};

/// The smallest element that at least `part` (0..1) of the sample do not exceed; 0 if it is empty.
double quantile(std::vector<double> sample, double part);

/// The median with its 95 % interval by order statistics: how many of n values fall below the true
/// median is a fair coin's count, whatever the values' distribution, so two ranks of the sorted
/// sample enclose it. Below 6 values no two ranks do, and the ends of the sample stand in.
interval median_interval(std::vector<double> sample);

/// The rank (from 0) of the lower end of that interval; the upper is as far from the other end.
std::size_t lower_rank(std::size_t n);

}  // namespace filch::bench
