#pragma once

#include <filch/detail/awaited.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Throws `would_deadlock` on a thread that keeps promises (`promise_keeper`).
void must_not_wait_here();
/// As `wait`, on such a thread too.
void wait_on_any_thread(awaited& a);

}  // namespace detail
}  // namespace v0
}  // namespace filch
