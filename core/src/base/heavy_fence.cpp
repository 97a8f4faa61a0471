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
  static const bool has = register_barrier();
  return has;
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
