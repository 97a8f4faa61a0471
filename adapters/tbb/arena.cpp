#include "arena.hpp"

#include <oneapi/tbb/task_arena.h>

namespace filch {
inline namespace v0 {
namespace detail {

struct arena::implementation {
  explicit implementation(unsigned workers) : arena(static_cast<int>(workers), 0) {
    arena.initialize();
  }
  tbb::task_arena arena;
};

arena::arena(unsigned workers) : implementation_(std::make_unique<implementation>(workers)) {}

arena::~arena() = default;

bool arena::enqueue(void (*function)(void*), void* argument) noexcept {
  try {
    implementation_->arena.enqueue([function, argument] { function(argument); });
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
