#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace filch {
inline namespace v0 {
namespace detail {

/// What a thread of this process does, as the kernel sees it.
struct thread_look {
  /// A thread that could run but has no processor just now runs.
  enum class doing : std::uint8_t { runs, waits, waits_for_lock };
  doing what = doing::runs;
  /// Its processor time so far.
  std::chrono::nanoseconds cpu{0};
};

/// Where a monitor learns what threads do; tests script it. Threads: one at a time.
class thread_states {
 public:
  thread_states() = default;
  thread_states(const thread_states&) = delete;
  thread_states& operator=(const thread_states&) = delete;
  virtual ~thread_states() = default;

  /// `place` is the caller's number for the thread, small and the same at each look.
  /// Of a thread that cannot be seen: it runs.
  virtual thread_look look(unsigned place, pid_t thread) noexcept = 0;
  /// The processor time of all threads of the process so far.
  virtual std::chrono::nanoseconds process_cpu() noexcept = 0;
  /// For people: where it reads.
  virtual std::string_view source() const noexcept = 0;
};

/// The kernel's own answer: the file `syscall` of a thread in /proc where that may be read, else
/// `stat`, else the threads' clocks alone, which cannot tell a blocked thread from one that gets no
/// processor. Throws: `bad_alloc`.
std::unique_ptr<thread_states> system_thread_states();

/// The kernel's number of the calling thread. Cost: two loads once it is known.
pid_t this_thread_number() noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
