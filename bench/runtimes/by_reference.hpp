#pragma once

#include <type_traits>
#include <utility>

namespace filch::bench {

/// The pair that a fork gives; nothing if both branches give nothing.
template <class F, class G>
constexpr bool gives_nothing = std::is_void_v<std::invoke_result_t<F&>>;

/// A fork for runtimes whose branches cannot return anything: `both(f, g)` runs two callables that
/// leave their results in variables of the caller, as their users write it.
template <class Both, class F, class G>
auto forked_by_reference(Both&& both, F&& f, G&& g) {
  if constexpr (gives_nothing<F, G>) {
    both(f, g);
  } else {
    std::invoke_result_t<F&> left;
    std::invoke_result_t<G&> right;
    both([&] { left = f(); }, [&] { right = g(); });
    return std::pair(left, right);
  }
}

}  // namespace filch::bench
