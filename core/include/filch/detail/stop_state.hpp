#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>

#include <filch/detail/export.hpp>
#include <filch/detail/ref.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// Whether one call or job is asked to stop; a link of the chain from the pool down to the job.
///
/// Asking is a walk up the chain with one load a link and costs nothing where nobody asks. A
/// `std::stop_token` (one allocation, callbacks on the links above) is made when first wanted.
/// Threads: all members may be called at any time by any thread.
class FILCH_API stop_state final : public ref_counted {
 public:
  /// A link below `parent` (may be empty) that also listens to the user's `token`.
  explicit stop_state(ref<stop_state> parent = {}, std::stop_token token = {});
  ~stop_state() override;

  bool stop_requested() const noexcept {
    for (const stop_state* link = this; link; link = link->parent_.get()) {
      // order: what the requester wrote before is visible to who stops [pair:STOP]
      if (link->requested_.load(std::memory_order_acquire)) return true;
      if (link->external_.stop_requested()) return true;
    }
    return false;
  }

  /// Asks this link and all below it to stop; runs the callbacks registered on their tokens.
  void request_stop() noexcept;

  /// The token of this link; reports a stop of any link above.
  std::stop_token token();

 private:
  struct source;

  std::atomic<bool> requested_{false};
  ref<stop_state> parent_;
  std::stop_token external_;
  std::mutex make_source_;
  std::unique_ptr<source> source_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
