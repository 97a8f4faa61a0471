#include "fork_guard.hpp"

#include <filch/error.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

constexpr unsigned pid_bits = 32;

constinit std::atomic<std::uint32_t> last_generation{0};
constinit std::atomic<fork_sentinel::word*> shared_word{nullptr};
constinit fork_sentinel::word plain_word{0};

std::uint32_t process_id() noexcept { return static_cast<std::uint32_t>(::getpid()); }

// Not a function-local static: a fork while another thread is inside its initialisation would leave
// the child with a lock that nobody opens.
fork_sentinel::word& process_word() noexcept {
  // order: the mapped page behind the pointer [pair:FORK_WORD]
  fork_sentinel::word* known = shared_word.load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  fork_sentinel::word* mine = fork_sentinel::map_wiped_page();
  const bool mapped = mine != nullptr;
  if (!mapped) mine = &plain_word;
  // order: the mapped page behind the pointer, both ways [pair:FORK_WORD]
  if (shared_word.compare_exchange_strong(known, mine, std::memory_order_acq_rel,
                                          std::memory_order_acquire)) {  // order: [pair:FORK_WORD]
    return *mine;
  }
  if (mapped) ::munmap(mine, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  return *known;
}

}  // namespace

fork_sentinel::word* fork_sentinel::map_wiped_page() noexcept {
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (::madvise(page, size, MADV_WIPEONFORK) != 0) {
    ::munmap(page, size);
    return nullptr;
  }
  return new (page) word(0);
}

fork_generation fork_sentinel::current() const noexcept {
  // order: [relaxed: the number says all; nothing is published through it]
  std::uint64_t stamp = word_.load(std::memory_order_relaxed);
  const std::uint32_t self = process_id();
  const bool known = stamp != 0 && (wiped_ || static_cast<std::uint32_t>(stamp) == self);
  if (!known) {
    // order: [relaxed: only has to give a number that no ancestor has used]
    const std::uint64_t next = last_generation.fetch_add(1, std::memory_order_relaxed) + 1ULL;
    const std::uint64_t fresh = next << pid_bits | self;
    // order: [relaxed: as the load above]
    if (word_.compare_exchange_strong(stamp, fresh, std::memory_order_relaxed)) stamp = fresh;
  }
  return {word_, stamp, !wiped_};
}

fork_generation fork_generation::current() noexcept {
  word& at = process_word();
  return fork_sentinel(at, &at != &plain_word).current();
}

bool fork_generation::other_process() const noexcept {
  return static_cast<std::uint32_t>(stamp_) != process_id();
}

void fork_generation::throw_forked_pool() {
  throw forked_pool(
      "filch: this process was made by fork() and uses a pool of its parent, whose threads do not "
      "exist here; make a new pool in the child, or fork before the first pool is made");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
