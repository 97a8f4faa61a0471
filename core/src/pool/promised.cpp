#include <filch/detail/promised.hpp>

#include <stdexcept>
#include <utility>

#include <filch/detail/current.hpp>
#include <filch/promise.hpp>

#include "base/thrown.hpp"

namespace filch {
inline namespace v0 {

broken_promise::~broken_promise() = default;

promise_keeper::promise_keeper() noexcept
    : outer_(std::exchange(detail::current.keeps_promises, true)) {}
promise_keeper::~promise_keeper() { detail::current.keeps_promises = outer_; }
bool promise_keeper::is_here() noexcept { return detail::current.keeps_promises; }

namespace detail {

std::exception_ptr broken_promise_error() noexcept {
  return thrown([] {
    throw broken_promise(
        "filch: the promise behind this future was destroyed before it was given a value or an "
        "error; look for a callback that is never called, or a path that returns early");
  });
}

void throw_one_future() {
  throw std::logic_error(
      "filch: a promise has one future and it has been taken already (or the promise was moved "
      "from); hand on that one");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
