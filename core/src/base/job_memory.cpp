#include "base/job_memory.hpp"

#include <array>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>

#include "base/thread_end.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps_blocks =
    false;  // a block that is used again hides what AddressSanitizer is for
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool keeps_blocks = false;
#else
constexpr bool keeps_blocks = true;
#endif
#else
constexpr bool keeps_blocks = true;
#endif

constexpr std::size_t granule = 64;
constexpr std::size_t sizes = 16;  // up to 1 KiB
/// Handed on at a time: one mutex for so many jobs.
constexpr unsigned batch = 64;
/// Batches of a size that wait for a taker; 4 MiB of the usual jobs of 256 bytes.
constexpr unsigned most_batches = 256;

struct free_block {
  free_block* next;
  free_block* next_batch;
};

/// Batches on their way between threads. Nobody waits for the lock: in a forked child its holder
/// may be gone.
class depot {
 public:
  free_block* take(std::size_t size) noexcept {
    std::unique_lock lock(lock_, std::try_to_lock);
    if (!lock) return nullptr;
    auto& of = shelves_[size];
    free_block* first = of.first;
    if (first) {
      of.first = first->next_batch;
      --of.batches;
    }
    return first;
  }
  /// False if there are enough.
  bool put(std::size_t size, free_block* first) noexcept {
    std::unique_lock lock(lock_, std::try_to_lock);
    if (!lock) return false;
    auto& of = shelves_[size];
    if (of.batches == most_batches) return false;
    first->next_batch = std::exchange(of.first, first);
    ++of.batches;
    return true;
  }

 private:
  struct shelf {
    free_block* first = nullptr;
    unsigned batches = 0;
  };
  std::mutex lock_;
  std::array<shelf, sizes> shelves_;
};

/// Never destroyed: jobs may end while static objects do.
depot& the_depot() noexcept {
  static_assert(std::is_trivially_destructible_v<depot>);
  static constinit depot made;
  return made;
}

void give_back(free_block* first) noexcept {
  while (first) ::operator delete(std::exchange(first, first->next));
}

/// The blocks of a size that a thread keeps: one list to take from and give to, and a full batch.
struct pile {
  free_block* first = nullptr;
  unsigned count = 0;
  free_block* full = nullptr;
};

struct piles {
  std::array<pile, sizes> of;
  bool open = false;   // the thread's end is watched for
  bool ended = false;  // it has come: nothing may be kept any more
};
constinit thread_local piles mine __attribute__((tls_model("initial-exec")));

/// Gives back what a thread keeps when it ends.
void give_all_back() noexcept {
  mine.ended = true;
  for (std::size_t size = 0; size < sizes; ++size) {
    auto& p = mine.of[size];
    give_back(std::exchange(p.first, nullptr));
    if (p.full && !the_depot().put(size, p.full)) give_back(p.full);
    p.full = nullptr;
    p.count = 0;
  }
}
constinit thread_local thread_end at_end{give_all_back};

bool may_keep() noexcept {
  if (mine.open) [[likely]] {
    return !mine.ended;
  }
  mine.open = at_thread_end(at_end);
  return mine.open;
}

constexpr std::size_t size_of(std::size_t bytes) noexcept { return (bytes - 1) / granule; }

}  // namespace

void* allocate_job(std::size_t bytes) {
  const auto size = size_of(bytes);
  if (!keeps_blocks || size >= sizes) return ::operator new(bytes);
  auto& p = mine.of[size];
  if (!p.first) {
    // What is left of a batch is given back when the thread ends, if somebody watches for that.
    if (!may_keep()) return ::operator new((size + 1) * granule);
    p.first = p.full ? std::exchange(p.full, nullptr) : the_depot().take(size);
    if (!p.first) return ::operator new((size + 1) * granule);
    p.count = batch;
  }
  --p.count;
  return std::exchange(p.first, p.first->next);
}

void free_job(void* block, std::size_t bytes) noexcept {
  const auto size = size_of(bytes);
  if (!keeps_blocks || size >= sizes || !may_keep()) return ::operator delete(block);
  auto& p = mine.of[size];
  if (p.count == batch) {
    if (p.full && !the_depot().put(size, p.full)) give_back(p.full);
    p.full = std::exchange(p.first, nullptr);
    p.count = 0;
  }
  p.first = ::new (block) free_block{p.first, nullptr};
  ++p.count;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
