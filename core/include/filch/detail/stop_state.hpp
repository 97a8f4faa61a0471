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
  /// A link below `parent` (may be empty) that also listens to the user's `token`. `loose`: what
  /// it belongs to may end before the links below it (a job nobody need wait for); then those are
  /// moved up, so that a job which makes a job which makes a job does not leave a chain behind.
  explicit stop_state(ref<stop_state> parent = {}, std::stop_token token = {}, bool loose = false);
  ~stop_state() override;

  bool stop_requested() const noexcept {
    // order: what the requester wrote before is visible to who stops [pair:STOP]
    if (requested_.load(std::memory_order_acquire)) return true;
    return external_.stop_requested() || requested_above();
  }

  /// Asks this link and all below it to stop; runs the callbacks registered on their tokens.
  void request_stop() noexcept;

  /// The token of this link; reports a stop of any link above.
  std::stop_token token();

  /// Says that nobody will ask this link to stop any more.
  void end() noexcept {
    // order: [relaxed: it only allows a link to be left out; the lock hands over what is read]
    ended_.store(true, std::memory_order_relaxed);
  }
  /// Leaves out ended links above this one.
  void shorten();
  /// Whether a stop of `root`, which nothing is above, is heard here.
  bool hears(stop_state& root);

 private:
  struct source;

  void shorten_one();
  bool requested_above() const noexcept;
  ref<stop_state> parent() const noexcept;
  ref<stop_state> first_that_counts() const noexcept;

  std::atomic<bool> requested_{false};
  std::atomic<bool> ended_{false};
  const bool loose_;
  mutable std::mutex lock_;
  ref<stop_state> parent_;  // guarded by lock_ if loose_, else constant
  const std::stop_token external_;
  std::unique_ptr<source> source_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
