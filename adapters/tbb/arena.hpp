#pragma once

#include <memory>

namespace filch {
inline namespace v0 {
namespace detail {

/// oneTBB's task_arena behind one call. Its own file, because oneTBB's templates are compiled into
/// it: in a ThreadSanitizer build it stays as uninstrumented as the library that they belong to.
class arena {
 public:
  /// Threads from outside have no place in it: none ever joins, they only enqueue.
  explicit arena(unsigned workers);
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  /// Does not wait for what was enqueued; it still runs.
  ~arena();

  /// Has one of oneTBB's threads call `function(argument)`, also where the machine has one core.
  /// False without memory for it.
  bool enqueue(void (*function)(void*), void* argument) noexcept;

 private:
  struct implementation;
  std::unique_ptr<implementation> implementation_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
