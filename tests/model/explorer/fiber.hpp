#pragma once

#include <cstddef>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace model {

/// A stack of its own on which one model thread runs. All fibers live on the one thread of the
/// operating system that explores, so a switch costs a few stores and a schedule repeats exactly.
class fiber {
 public:
  fiber() = default;
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;

  /// Makes the next switch to this fiber begin `entry`, which must never return. What the fiber
  /// did before is forgotten; nothing on its stack is destroyed.
  void restart(void (*entry)());

  /// Goes on in `next`; returns when somebody switches back here.
  void switch_to(fiber& next);

 private:
  static constexpr std::size_t stack_size = 128 * 1024;

  std::unique_ptr<std::byte[]> stack_;
#if defined(__x86_64__)
  void* top_ = nullptr;
#else
  ucontext_t context_{};
#endif
};

}  // namespace model
