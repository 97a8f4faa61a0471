#pragma once

#include <exception>
#include <utility>

#include <filch/error.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What `thrower` throws, as a value.
template <class Thrower>
std::exception_ptr thrown(Thrower&& thrower) noexcept {
  try {
    std::forward<Thrower>(thrower)();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

/// True for `filch::cancelled`: what a job throws that obeys its stop, not a failure of its own.
inline bool is_stop(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
