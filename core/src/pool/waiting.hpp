#pragma once

#include <filch/detail/awaited.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// As `wait`, also on a thread that keeps promises (`promise_keeper`).
void wait_on_any_thread(awaited& a);

}  // namespace detail
}  // namespace v0
}  // namespace filch
