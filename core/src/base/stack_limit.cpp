#include "stack_limit.hpp"

#include <filch/detail/stack_guard.hpp>
#include <filch/error.hpp>

#include <pthread.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

constexpr std::uintptr_t not_measured = std::numeric_limits<std::uintptr_t>::max();
constexpr std::uintptr_t kib = 1024;

// A main thread with an unlimited stack still gets a limit: runaway nesting must end in an
// exception before it ends in the machine's memory.
constexpr std::uintptr_t largest_stack = 256 * kib * kib;

// Kept per thread because on the main thread measuring reads /proc.
constinit thread_local stack_bounds known_bounds;

bool contains(const stack_bounds& bounds, std::uintptr_t address) noexcept {
  return bounds.low <= address && address < bounds.high;
}

stack_bounds bounds_from_pthread() noexcept {
  stack_bounds bounds;
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return bounds;
  void* low = nullptr;
  std::size_t size = 0;
  if (::pthread_attr_getstack(&attributes, &low, &size) == 0) {
    bounds.low = reinterpret_cast<std::uintptr_t>(low);
    bounds.high = bounds.low + size;
  }
  ::pthread_attr_destroy(&attributes);
  return bounds;
}

// For a main thread without /proc: the kernel puts the program's name at the very top of its stack.
stack_bounds bounds_from_kernel() noexcept {
  stack_bounds bounds;
  rlimit limit{};
  if (::getpid() != ::gettid() || ::getrlimit(RLIMIT_STACK, &limit) != 0) return bounds;
  const std::uintptr_t top = ::getauxval(AT_EXECFN);
  if (top == 0) return bounds;
  const auto size = std::min<std::uintptr_t>({limit.rlim_cur, largest_stack, top});
  bounds.low = top - size;
  bounds.high = top;
  return bounds;
}

}  // namespace

constinit thread_local std::uintptr_t stack_floor = not_measured;

stack_bounds current_stack_bounds() noexcept {
  stack_bounds bounds = bounds_from_pthread();
  if (bounds.high == 0) bounds = bounds_from_kernel();
  if (bounds.high - bounds.low > largest_stack) bounds.low = bounds.high - largest_stack;
  return bounds;
}

std::uintptr_t stack_reserve(const stack_bounds& bounds) noexcept {
  return std::min<std::uintptr_t>(128 * kib, (bounds.high - bounds.low) / 4);
}

bool measure_stack(std::uintptr_t frame) noexcept {
  // Measured anew when the floor is reached: the main thread's limit can be raised while it runs.
  if (stack_floor == not_measured || contains(known_bounds, frame)) {
    known_bounds = current_stack_bounds();
    stack_floor = known_bounds.low + stack_reserve(known_bounds);
  }
  return !contains(known_bounds, frame) || frame >= stack_floor;
}

void throw_nesting_limit() {
  const std::uintptr_t size = known_bounds.high - known_bounds.low;
  throw nesting_limit("filch: nested calls have used up this thread's stack of " +
                      std::to_string(size / kib) + " KiB (" +
                      std::to_string(stack_reserve(known_bounds) / kib) +
                      " KiB are kept for unwinding); nest less deeply, give each level more work, "
                      "or give the pool a larger .stack_size");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
