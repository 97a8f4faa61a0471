#include <filch/detail/stop_state.hpp>

#include <functional>
#include <optional>

namespace filch {
inline namespace v0 {
namespace detail {

struct stop_state::source {
  using callback = std::stop_callback<std::function<void()>>;

  void listen(const std::stop_token& external, const std::stop_token& above) {
    const auto pass_on = [this] { own.request_stop(); };
    if (external.stop_possible()) on_external.emplace(external, pass_on);
    if (above.stop_possible()) on_above.emplace(above, pass_on);
  }

  std::stop_source own;
  std::optional<callback> on_external, on_above;
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
    fresh->listen(external_, parent_ ? parent_->token() : std::stop_token());
    source_ = std::move(fresh);
    // order: [relaxed: request_stop takes the lock after its store, so one of the two sees the
    // other]
    if (requested_.load(std::memory_order_relaxed)) source_->own.request_stop();
  }
  return source_->own.get_token();
}

void stop_state::shorten() {
  if (!loose_) return;
  ref<stop_state> skipped;  // the last link left out is released after the lock
  std::lock_guard lock(lock_);
  // order: [relaxed: see end()]
  while (parent_ && parent_->ended_.load(std::memory_order_relaxed) &&
         // order: [relaxed: nobody can ask an ended link any more]
         !parent_->requested_.load(std::memory_order_relaxed) &&
         !parent_->external_.stop_possible()) {
    skipped = parent_;
    parent_ = skipped->parent();
    if (source_) {
      source_->on_above.reset();
      source_->listen({}, parent_ ? parent_->token() : std::stop_token());
    }
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
