#pragma once

namespace filch {
inline namespace v0 {
namespace detail {

/// Marks the calling thread as one that oneTBB has lent.
///
/// When a job calls `exit()` on such a thread, oneTBB's static objects would be destroyed by one of
/// its own workers, which it takes for a thread from outside: now and then that is a crash. So for
/// these threads the process ends after the program's static objects and before oneTBB's.
class lent_thread {
 public:
  lent_thread() noexcept;
  lent_thread(const lent_thread&) = delete;
  lent_thread& operator=(const lent_thread&) = delete;
  ~lent_thread();
};

/// Remembers from now on with which status the process ends. Called before the first thread is
/// lent.
void watch_exit_status() noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
