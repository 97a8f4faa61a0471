#pragma once

#include <atomic>
#include <cstdint>
#include <filch/future.hpp>
#include <filch/promise.hpp>
#include <memory>
#include <optional>
#include <stop_token>

#include "transfer.hpp"

namespace filch {
inline namespace v0 {
namespace http::detail {

/// A transfer in the frame of a caller that sleeps until it is there.
class waited_transfer final : public transfer {
 public:
  using transfer::transfer;
  /// Blocks until the transfer thread has handed it back. Requires: submitted.
  void wait() noexcept;

 private:
  void hand_back() noexcept override;

  // Shared with whoever hands back: it still wakes the caller when the transfer may be gone.
  std::shared_ptr<std::atomic<std::uint32_t>> ended_ =
      std::make_shared<std::atomic<std::uint32_t>>(0);
};

/// A transfer that nobody sleeps for: it keeps a promise and destroys itself.
class promised_transfer final : public transfer {
 public:
  /// Starts a transfer whose outcome becomes that of `given`; a status of 400 or above an error if
  /// `ok_only`. Throws: what keeps it from being started; `given` is untouched then.
  static void start(const std::string& url, const get_options& options, bool ok_only,
                    promise<response>& given);

 private:
  struct ask_to_stop {
    promised_transfer& which;
    void operator()() const noexcept;
  };

  promised_transfer(const std::string& url, const get_options& options, bool ok_only)
      : transfer(url, options), ok_only_(ok_only) {}
  ~promised_transfer() override = default;
  void hand_back() noexcept override { release(); }
  void release() noexcept;
  void keep_promise() noexcept;

  const bool ok_only_;
  std::optional<promise<response>> promise_;
  std::optional<std::stop_callback<ask_to_stop>> on_stop_;
  // Who starts it and who carries it out; the last of them keeps the promise.
  std::atomic<int> holders_{2};
};

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
