#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace filch {
inline namespace v0 {
namespace detail {

/// Memory that is taken piece by piece and given back all at once: nodes that are added one after
/// the other lie one after the other.
class arena {
 public:
  /// Throws: `bad_alloc`.
  void* take(std::size_t size, std::size_t align) {
    auto at = (next_ + align - 1) & ~(align - 1);
    if (at + size > end_) [[unlikely]] {
      grow(size + align);
      at = (next_ + align - 1) & ~(align - 1);
    }
    next_ = at + size;
    return reinterpret_cast<void*>(at);
  }

 private:
  // Blocks double up to this size, so that a small graph is small and a large one has few of them.
  static constexpr std::size_t first_block = 1024;
  static constexpr std::size_t largest_block = std::size_t{1} << 20;

  void grow(std::size_t least) {
    const auto size = std::max(least, block_);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
    next_ = reinterpret_cast<std::uintptr_t>(blocks_.back().get());
    end_ = next_ + size;
    block_ = std::min(block_ * 2, largest_block);
  }

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::uintptr_t next_ = 0, end_ = 0;
  std::size_t block_ = first_block;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
