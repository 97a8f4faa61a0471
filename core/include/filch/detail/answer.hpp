#pragma once

#include <type_traits>

namespace filch {
inline namespace v0 {

template <class T>
class future;

namespace detail {

/// What a call comes to that returns R: R, or, of a `future<T>`, the T that will be there.
template <class R>
struct value_of_result {
  using type = R;
};
template <class T>
struct value_of_result<future<T>> {
  using type = T;
};
template <class R>
using answer_of = typename value_of_result<R>::type;
/// Whether it is a future.
template <class R>
inline constexpr bool comes_later = !std::is_same_v<R, answer_of<R>>;

}  // namespace detail
}  // namespace v0
}  // namespace filch
