#include "base/thread_end.hpp"

#include <pthread.h>

#include <optional>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

constinit thread_local thread_end* first = nullptr;

extern "C" {
static void filch_end_thread(void*) {
  while (thread_end* note = std::exchange(first, first ? first->next : nullptr)) {
    note->listed = false;
    note->call();
  }
}
}

/// Nothing but the time of its destructor is wanted of the key.
const std::optional<pthread_key_t>& the_key() noexcept {
  static const auto made = []() noexcept -> std::optional<pthread_key_t> {
    pthread_key_t key{};
    if (::pthread_key_create(&key, filch_end_thread) != 0) return {};
    return key;
  }();
  return made;
}

}  // namespace

bool at_thread_end(thread_end& note) noexcept {
  if (note.listed) return true;
  const auto& key = the_key();
  if (!key || ::pthread_setspecific(*key, &note) != 0) return false;
  note.next = std::exchange(first, &note);
  note.listed = true;
  return true;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
