#include "base/thread_set.hpp"

#include <iterator>

namespace filch {
inline namespace v0 {
namespace detail {

thread_set::handle thread_set::start(std::function<void()> body, const char* suffix) noexcept {
  for (auto& ended : collect_finished()) ended->thread.join();
  try {
    auto entry = std::make_shared<member>();
    auto options = options_;
    options.name += suffix;
    std::lock_guard lock(lock_);
    members_.push_back(entry);
    entry->thread = os_thread::start(
        [entry, body = std::move(body)] {
          body();
          // order: [relaxed: whoever reads it joins the thread next, which synchronises]
          entry->finished.store(true, std::memory_order_relaxed);
        },
        options);
    if (entry->thread.joinable()) return entry;
    members_.pop_back();
  } catch (const std::bad_alloc&) {
    // no memory for the bookkeeping is the same to the caller as no thread
  }
  return {};
}

void thread_set::let_go(const handle& which) noexcept {
  std::lock_guard lock(lock_);
  members_.remove(which);
  if (which->thread.joinable()) which->thread.detach();
}

std::list<thread_set::handle> thread_set::collect_finished() noexcept {
  std::list<handle> ended;
  std::lock_guard lock(lock_);
  for (auto i = members_.begin(); i != members_.end();) {
    const auto next = std::next(i);
    // order: [relaxed: the join that follows synchronises]
    if ((*i)->finished.load(std::memory_order_relaxed)) ended.splice(ended.end(), members_, i);
    i = next;
  }
  return ended;
}

void thread_set::join_all() noexcept {
  std::list<handle> all;
  {
    std::lock_guard lock(lock_);
    all.swap(members_);
  }
  for (auto& m : all) {
    if (m->thread.is_self()) {
      m->thread.detach();
    } else {
      m->thread.join();
    }
  }
}

void thread_set::forget_all() noexcept {
  for (auto& m : members_) m->thread.forget();
  members_.clear();
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
