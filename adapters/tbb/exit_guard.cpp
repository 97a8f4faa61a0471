#include "exit_guard.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

constinit thread_local bool is_lent = false;
// Written and read by the one thread that is in exit().
constinit int exit_status = 0;

/// Destroyed before the static objects of oneTBB, because this library depends on that one.
class before_tbb_ends {
 public:
  ~before_tbb_ends() {
    if (!is_lent) return;
    std::fflush(nullptr);
    ::_exit(exit_status);
  }
};
const before_tbb_ends guard;

}  // namespace

lent_thread::lent_thread() noexcept { is_lent = true; }
lent_thread::~lent_thread() { is_lent = false; }

void watch_exit_status() noexcept {
  static std::once_flag once;
  std::call_once(once, [] { ::on_exit([](int status, void*) { exit_status = status; }, nullptr); });
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
