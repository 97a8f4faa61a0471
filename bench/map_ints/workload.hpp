#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "harness/paired.hpp"
#include "harness/program.hpp"

/// \file
/// The cost of a map where the function costs nothing: 10 million ints in, as many out.

namespace filch::bench::map_ints {

/// What each runtime calls for each element; as near to empty as a function with a result gets.
struct next_int {
  int operator()(int x) const noexcept { return x + 1; }
};

using numbers = std::vector<int>;

inline numbers input(std::size_t n) {
  numbers xs(n);
  for (std::size_t i = 0; i < n; ++i) xs[i] = static_cast<int>(i * 7 % 1000003);
  return xs;
}

/// The plain loop's answer.
inline numbers answer(const numbers& xs) {
  numbers out(xs.size());
  for (std::size_t i = 0; i < xs.size(); ++i) out[i] = next_int{}(xs[i]);
  return out;
}

/// A runtime with its threads started, so that runs measure the map alone.
class runtime {
 public:
  runtime() = default;
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  virtual ~runtime() = default;
  virtual std::string name() const = 0;
  /// A new vector of the results.
  virtual numbers map(const numbers& xs) = 0;
  /// The results into a vector that has its memory already.
  virtual void map_into(numbers& out, const numbers& xs) = 0;
};

std::unique_ptr<runtime> filch_native(unsigned threads);
std::unique_ptr<runtime> filch_tbb(unsigned threads);
std::unique_ptr<runtime> raw_tbb(unsigned threads);
std::unique_ptr<runtime> serial();

}  // namespace filch::bench::map_ints
