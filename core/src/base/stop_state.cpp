#include <filch/detail/stop_state.hpp>

#include <functional>
#include <optional>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

struct stop_state::source {
  using callback = std::stop_callback<std::function<void()>>;

  std::unique_ptr<callback> listen(const std::stop_token& to) {
    if (!to.stop_possible()) return {};
    return std::make_unique<callback>(to, [this] {
      auto kept = own;  // a callback may destroy this
      kept.request_stop();
    });
  }

  std::stop_source own;
  std::unique_ptr<callback> on_external, on_above;
};

stop_state::stop_state(ref<stop_state> parent, std::stop_token token, bool loose)
    : loose_(loose), parent_(std::move(parent)), external_(std::move(token)) {}

stop_state::~stop_state() = default;

ref<stop_state> stop_state::parent() const noexcept {
  std::lock_guard lock(lock_);
  return parent_;
}

bool stop_state::requested_above() const noexcept {
  const stop_state* link = this;
  ref<stop_state> held;  // keeps `link` alive once the way led over a link that may change
  for (;;) {
    if (link->loose_) {
      held = link->parent();
      link = held.get();
    } else {
      link = link->parent_.get();
    }
    if (!link) return false;
    // order: what the requester wrote before is visible to who stops [pair:STOP]
    if (link->requested_.load(std::memory_order_acquire)) return true;
    if (link->external_.stop_requested()) return true;
  }
}

void stop_state::request_stop() noexcept {
  // order: publishes what led to the stop [pair:STOP]
  requested_.store(true, std::memory_order_release);
  std::optional<std::stop_source> own;
  {
    std::lock_guard lock(lock_);
    if (source_) own = source_->own;
  }
  if (own) own->request_stop();
}

std::stop_token stop_state::token() {
  std::lock_guard lock(lock_);
  if (!source_) {
    auto fresh = std::make_unique<source>();
    fresh->on_external = fresh->listen(external_);
    if (parent_) fresh->on_above = fresh->listen(parent_->token());
    source_ = std::move(fresh);
    // order: [relaxed: request_stop takes the lock after its store, so one of the two sees the
    // other]
    if (requested_.load(std::memory_order_relaxed)) source_->own.request_stop();
  }
  return source_->own.get_token();
}

bool stop_state::hears(stop_state& root) {
  const auto token = root.token();
  if (this == &root || external_ == token) return true;
  for (auto link = parent(); link; link = link->parent()) {
    if (link.get() == &root || link->external_ == token) return true;
  }
  return false;
}

// What listens to the links above is made and destroyed without the lock: the former may run users'
// callbacks and the latter waits for them, and these may come back to this link.
void stop_state::shorten() {
  // Also those above that go on: what they hang below may have ended since they last looked.
  shorten_one();
  for (auto link = parent(); link; link = link->parent()) link->shorten_one();
}

void stop_state::shorten_one() {
  if (!loose_) return;
  ref<stop_state> skipped;  // the first link left out holds the others
  ref<stop_state> above;
  source* mine = nullptr;
  {
    std::lock_guard lock(lock_);
    above = first_that_counts();
    if (above.get() == parent_.get()) return;
    mine = source_.get();
    if (!mine) {
      skipped = std::exchange(parent_, std::move(above));
      return;
    }
  }
  auto fresh = above ? mine->listen(above->token()) : nullptr;
  std::lock_guard lock(lock_);
  if (first_that_counts().get() != above.get()) return;  // another thread was faster, or will be
  skipped = std::exchange(parent_, std::move(above));
  fresh.swap(mine->on_above);  // the old one is destroyed after the lock is given back
}

// The nearest link above that somebody may still ask to stop; with the lock held.
ref<stop_state> stop_state::first_that_counts() const noexcept {
  auto link = parent_;
  // order: [relaxed: see end()]
  while (link && link->ended_.load(std::memory_order_relaxed) &&
         // order: [relaxed: nobody can ask an ended link any more]
         !link->requested_.load(std::memory_order_relaxed) &&
         (!link->external_.stop_possible() || link->external_ == external_)) {
    link = link->parent();
  }
  return link;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
