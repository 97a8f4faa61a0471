#pragma once

#include <atomic>
#include <stop_token>
#include <utility>

#include <filch/detail/export.hpp>
#include <filch/detail/stop_state.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// A call's or job's own place in the chain of stops: in the frame of the call, or in the job. It
/// costs nothing but its room until something needs a link that can outlive it (a token, a job that
/// is made below); then the shared link is made, once, with those above it.
/// Threads: all but the `hang...` members may be called at any time by any thread.
class FILCH_API stop_link {
 public:
  ~stop_link() {
    // order: [relaxed: whoever destroys the link has seen its users end]
    if (stop_state* own = shared_.load(std::memory_order_relaxed)) own->release();
  }

  // One of these three, at most, before anybody else sees the link.
  /// Below a link that ends later; also listens to the user's token. `loose`: see stop_state.
  void hang_inside(stop_link& above, std::stop_token user, bool loose) noexcept {
    above_ = &above;
    user_ = std::move(user);
    loose_ = loose;
  }
  /// Below a link that may end earlier.
  void hang_below(ref<stop_state> above, std::stop_token user, bool loose) noexcept {
    from_ = std::move(above);
    user_ = std::move(user);
    loose_ = loose;
  }
  /// Stands for a shared link that others have, too.
  void stand_for(ref<stop_state> own) noexcept {
    // order: [relaxed: nobody else sees the link yet]
    shared_.store(own.detach(), std::memory_order_relaxed);
  }

  /// What it belongs to gives out nothing by which it could be stopped alone.
  void nobody_asks() noexcept { nobody_asks_ = true; }

  /// Whether this link, or any above, was asked to stop.
  bool stop_requested() const noexcept;
  /// Whether this link itself was asked.
  // order: what the requester wrote before is visible to who stops [pair:STOP]
  bool asked() const noexcept { return requested_.load(std::memory_order_acquire); }
  /// Asks this link and all below it to stop; runs the callbacks on their tokens.
  void request_stop() noexcept;
  /// The link that others may hold; made when first wanted. Throws: `bad_alloc`.
  ref<stop_state> shared();
  /// A link for what is made below and may live longer: the shared one, or the next above where
  /// nobody could ask this one. Throws: `bad_alloc`.
  ref<stop_state> lasting();
  /// The token of this link; reports a stop of any link above. Throws: `bad_alloc`.
  std::stop_token token() { return shared()->token(); }
  /// Says that nobody will ask this link to stop any more.
  void end() noexcept {
    // order: [relaxed: for this thread; a shared link that another one makes just now lives longer
    // than it need, no more]
    ended_.store(true, std::memory_order_relaxed);
    // order: the link is constructed for who ends it [pair:STOP-SHARED]
    if (stop_state* own = shared_.load(std::memory_order_acquire)) own->end();
  }

 private:
  stop_state* make_below(stop_state* above);

  stop_link* above_ = nullptr;
  ref<stop_state> from_;
  std::stop_token user_;
  std::atomic<stop_state*> shared_{nullptr};  // with a reference
  std::atomic<bool> requested_{false};
  std::atomic<bool> ended_{false};
  bool loose_ = false;
  bool nobody_asks_ = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
