#pragma once

#include <atomic>
#include <cstdint>

namespace filch {
inline namespace v0 {
namespace detail {

/// The process in which something was made. A child of `fork()` inherits the memory of a pool but
/// none of its threads; whatever needs them asks here first.
class fork_generation {
 public:
  /// The calling process. The first call in a forked child begins a new generation, so that what
  /// the child makes is its own and what it inherited stays stale.
  static fork_generation current() noexcept;

  /// Whether the calling process is a fork of the one this generation belongs to.
  /// Cost: one load (and a system call on kernels before 4.14, which cannot wipe a page).
  bool stale() const noexcept {
    // order: [relaxed: compared for equality with a value of the same thread or its ancestors]
    if (word_->load(std::memory_order_relaxed) != stamp_) [[unlikely]] {
      return true;
    }
    return ask_system_ && other_process();
  }

  /// Throws: `forked_pool` if stale.
  void require_same_process() const {
    if (stale()) [[unlikely]] {
      throw_forked_pool();
    }
  }

 private:
  friend class fork_sentinel;
  using word = std::atomic<std::uint64_t>;

  fork_generation(const word& at, std::uint64_t stamp, bool ask_system) noexcept
      : word_(&at), stamp_(stamp), ask_system_(ask_system) {}
  bool other_process() const noexcept;
  [[noreturn]] static void throw_forked_pool();

  const word* word_;
  std::uint64_t stamp_;
  bool ask_system_;
};

/// The word that tells the generations apart: the number of the generation above, the process id
/// below; 0 in a child that has not begun its own. It lives in a page that the kernel wipes when
/// the process forks, also where no handler would run (a raw `clone`).
class fork_sentinel {
 public:
  using word = std::atomic<std::uint64_t>;

  /// Maps such a page; null if the kernel cannot wipe one. The page is never given back.
  static word* map_wiped_page() noexcept;

  /// Takes a word of static lifetime; `wiped` says whether it turns 0 in a child.
  fork_sentinel(word& at, bool wiped) noexcept : word_(at), wiped_(wiped) {}

  fork_generation current() const noexcept;

 private:
  word& word_;
  bool wiped_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
