#include <filch/detail/stop_link.hpp>

#include <vector>

namespace filch {
inline namespace v0 {
namespace detail {

bool stop_link::stop_requested() const noexcept {
  for (const stop_link* link = this; link; link = link->above_) {
    // order: what the requester wrote before is visible to who stops [pair:STOP]
    if (link->requested_.load(std::memory_order_acquire)) return true;
    // order: the shared link is constructed; it knows all that is above [pair:STOP-SHARED]
    if (const stop_state* all = link->shared_.load(std::memory_order_acquire)) {
      return all->stop_requested();
    }
    if (link->user_.stop_requested()) return true;
    if (link->from_) return link->from_->stop_requested();
  }
  return false;
}

void stop_link::request_stop() noexcept {
  // order: publishes what led to the stop [pair:STOP]; and either we see the shared link below, or
  // who makes it sees the request [pair:STOP-SHARED]
  requested_.store(true, std::memory_order_seq_cst);
  // order: as above [pair:STOP-SHARED]
  if (stop_state* own = shared_.load(std::memory_order_seq_cst)) own->request_stop();
}

ref<stop_state> stop_link::shared() {
  // order: the shared link is constructed [pair:STOP-SHARED]
  if (stop_state* own = shared_.load(std::memory_order_acquire)) {
    return ref<stop_state>::share(own);
  }
  // A loop, as frames may be nested deeper than the stack has room for another call each.
  std::vector<stop_link*> missing;
  stop_state* above = nullptr;
  for (stop_link* link = this; link; link = link->above_) {
    // order: as above [pair:STOP-SHARED]
    above = link->shared_.load(std::memory_order_acquire);
    if (above) break;
    missing.push_back(link);
  }
  for (auto link = missing.rbegin(); link != missing.rend(); ++link) {
    above = (*link)->make_below(above);
  }
  return ref<stop_state>::share(above);
}

// Jobs that post jobs that post jobs so share one link, without a lock or memory for each.
ref<stop_state> stop_link::lasting() {
  for (stop_link* link = this;; link = link->above_) {
    const bool is_left_out = link->nobody_asks_ && !link->user_.stop_possible();
    if (is_left_out && link->from_) return link->from_;
    if (is_left_out && link->above_) continue;
    auto own = link->shared();
    own->shorten();
    return own;
  }
}

stop_state* stop_link::make_below(stop_state* above) {
  auto fresh = make_ref<stop_state>(above ? ref<stop_state>::share(above) : from_, user_, loose_);
  stop_state* other = nullptr;
  // order: hands the link to whoever finds it; and either a requester sees it, or we see the
  // request below [pair:STOP-SHARED]
  if (!shared_.compare_exchange_strong(other, fresh.get(), std::memory_order_seq_cst)) return other;
  stop_state* const own = fresh.detach();
  // order: as above [pair:STOP-SHARED]
  if (requested_.load(std::memory_order_seq_cst)) own->request_stop();
  // order: [relaxed: see end()]
  if (ended_.load(std::memory_order_relaxed)) own->end();
  return own;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
