#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/os_thread.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// The threads a pool has started and must join. A thread that ended by itself is joined when the
/// next one starts, so that retired threads do not pile up.
/// Threads: any member from any thread.
class thread_set {
 public:
  /// One thread, as its starter knows it.
  struct member {
    os_thread thread;
    std::atomic<bool> finished{false};
  };
  using handle = std::shared_ptr<member>;

  explicit thread_set(thread_options options) : options_(std::move(options)) {}

  /// Starts a thread; empty if the system or the memory has none to give.
  handle start(std::function<void()> body, const char* suffix = "") noexcept;
  /// Never joins this one: it may run for as long as it likes.
  void let_go(const handle& which) noexcept;
  /// Joins all that were not let go, but the calling thread. Requires: their bodies return soon.
  void join_all() noexcept;
  /// Forgets all threads: for a forked child, in which they do not exist.
  void forget_all() noexcept;

 private:
  std::list<handle> collect_finished() noexcept;

  const thread_options options_;
  std::mutex lock_;
  std::list<handle> members_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
