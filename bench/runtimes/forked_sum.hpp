#pragma once

#include <cstddef>

namespace filch::bench {

/// f(lo) + ... + f(hi - 1), each call a leaf of binary forks on `Runtime`.
template <class Runtime, class F>
auto forked_sum(std::size_t lo, std::size_t hi, const F& f) -> decltype(f(lo)) {
  if (hi - lo == 1) return f(lo);
  const auto middle = lo + (hi - lo) / 2;
  const auto [left, right] =
      Runtime::fork([lo, middle, &f] { return forked_sum<Runtime>(lo, middle, f); },
                    [middle, hi, &f] { return forked_sum<Runtime>(middle, hi, f); });
  return left + right;
}

}  // namespace filch::bench
