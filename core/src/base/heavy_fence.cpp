#include <filch/detail/atomics.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

// A process must tell the kernel once that it will use the expedited barrier.
bool register_barrier() noexcept {
  return ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

}  // namespace

bool has_heavy_fence() noexcept {
  // No local static: its guard, taken while the kernel registers us, could be inherited by a forked
  // child, whose threads would wait for it for ever. To register twice does no harm.
  enum : int { unknown, no, yes };
  static constinit std::atomic<int> has{unknown};
  // order: [relaxed: a fact about the process; the kernel knows it before anybody reads it]
  int seen = has.load(std::memory_order_relaxed);
  if (seen == unknown) [[unlikely]] {
    seen = register_barrier() ? yes : no;
    // order: [relaxed: as above]
    has.store(seen, std::memory_order_relaxed);
  }
  return seen == yes;
}

void heavy_fence() noexcept {
  // order: this thread's own part, also where the kernel has no barrier for us [pair:HEAVY]
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (has_heavy_fence()) {
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    // order: the barrier ran in every running thread before what follows here [pair:HEAVY]
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
