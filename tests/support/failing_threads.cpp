#include "support/failing_threads.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <limits>

namespace {

constexpr int never = std::numeric_limits<int>::max();
constinit std::atomic<int> left{never};
constinit std::atomic<int> refusals{0};

bool refuse() noexcept {
  int seen = left.load();
  while (seen != never && seen > 0) {
    if (left.compare_exchange_weak(seen, seen - 1)) return false;
  }
  if (seen == never) return false;
  refusals.fetch_add(1);
  return true;
}

using creator = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

/// The one behind ours: the system's, or a sanitizer's.
creator next_one() noexcept {
  static const auto found = reinterpret_cast<creator>(::dlsym(RTLD_NEXT, "pthread_create"));
  return found;
}

}  // namespace

namespace filch_test {

fail_threads_after::fail_threads_after(int n) noexcept {
  refusals = 0;
  left = n;
}
fail_threads_after::~fail_threads_after() { left = never; }
int fail_threads_after::refused() noexcept { return refusals; }

}  // namespace filch_test

extern "C" int pthread_create(pthread_t* handle, const pthread_attr_t* attributes,
                              void* (*body)(void*), void* argument) {
  if (refuse()) return EAGAIN;
  return next_one()(handle, attributes, body, argument);
}
