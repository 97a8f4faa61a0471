#include <filch/detail/futex.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
                  std::atomic<std::uint32_t>::is_always_lock_free,
              "the kernel must see the atomic as a plain 32-bit word");

// What SYS_futex reads on every Linux, also where time_t has grown to 64 bits on 32-bit machines.
struct kernel_time {
  long seconds;
  long nanoseconds;
};

// Waits and wakes happen inside destructors and between a user's call and his look at errno.
class errno_keeper {
 public:
  errno_keeper() noexcept : saved_(errno) {}
  ~errno_keeper() { errno = saved_; }
  errno_keeper(const errno_keeper&) = delete;
  errno_keeper& operator=(const errno_keeper&) = delete;

 private:
  int saved_;
};

kernel_time to_kernel(std::chrono::steady_clock::time_point deadline) noexcept {
  const auto since_boot =
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  // The kernel refuses negative times; zero has passed just as well.
  if (since_boot <= 0) return {0, 0};
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t seconds = since_boot / second;
  if (seconds > std::numeric_limits<long>::max()) return {std::numeric_limits<long>::max(), 0};
  return {static_cast<long>(seconds), static_cast<long>(since_boot % second)};
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  const errno_keeper keep;
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

bool futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::chrono::steady_clock::time_point deadline) noexcept {
  if (deadline == std::chrono::steady_clock::time_point::max()) {
    futex_wait(word, expected);
    return true;
  }
  const errno_keeper keep;
  const kernel_time until = to_kernel(deadline);
  // The BITSET form is the one that takes an absolute time on CLOCK_MONOTONIC, so that a wait
  // resumed after a spurious return does not start its time anew.
  const long outcome = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, &until,
                                 nullptr, FUTEX_BITSET_MATCH_ANY);
  return outcome == 0 || errno != ETIMEDOUT;
}

void futex_wake(const std::atomic<std::uint32_t>* word, int count) noexcept {
  const errno_keeper keep;
  ::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
