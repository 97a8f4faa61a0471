#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace filch::bench {

/// f(lo) + ... + f(hi - 1), each call a leaf of binary forks on `Runtime`.
template <class Runtime, class F>
auto sum_by_halves(std::size_t lo, std::size_t hi, const F& f) -> decltype(f(lo)) {
  if (hi - lo == 1) return f(lo);
  const auto middle = lo + (hi - lo) / 2;
  const auto [left, right] =
      Runtime::fork([lo, middle, &f] { return sum_by_halves<Runtime>(lo, middle, f); },
                    [middle, hi, &f] { return sum_by_halves<Runtime>(middle, hi, f); });
  return left + right;
}

/// The same, all calls forked at once; where they leave their results is on the stack if they are
/// few, and not written before.
template <class Runtime, class F>
auto sum_at_once(std::size_t n, const F& f) -> decltype(f(n)) {
  using value = decltype(f(n));
  static_assert(std::is_trivially_destructible_v<value>);
  constexpr std::size_t few = 32;
  alignas(value) std::byte here[few * sizeof(value)];
  std::vector<value> there(n > few ? n : 0);
  auto* const parts = n > few ? there.data() : reinterpret_cast<value*>(here);
  Runtime::fork_all(n, [parts, &f](std::size_t i) { std::construct_at(parts + i, f(i)); });
  auto sum = parts[0];
  for (std::size_t i = 1; i < n; ++i) sum = sum + parts[i];
  return sum;
}

/// f(0) + ... + f(n - 1), n not 0, in parallel: all at once where the runtime has a `fork_all`,
/// which it has here if that is the faster way for it, else by halves.
template <class Runtime, class F>
auto forked_sum(std::size_t n, const F& f) -> decltype(f(n)) {
  if constexpr (requires { Runtime::fork_all(n, [](std::size_t) {}); }) {
    return n == 1 ? f(0) : sum_at_once<Runtime>(n, f);
  } else {
    return sum_by_halves<Runtime>(0, n, f);
  }
}

}  // namespace filch::bench
