#pragma once

#include <curl/curl.h>
#include <pthread.h>
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <mutex>

#include "driven_multi.hpp"
#include "transfer.hpp"

namespace filch {
inline namespace v0 {
namespace http::detail {

/// The one multi handle of the process and the thread that drives it; see README.md for the
/// protocol. Started by the first transfer, ends when idle, restarted when needed.
class transfer_thread {
 public:
  /// The process's only one. Never destroyed, so that it is there for threads that outlive main.
  static transfer_thread& instance();

  /// Gives `t` to the thread; from here on the caller must wait for it.
  /// Throws: `forked_pool`, `cancelled` (the process exits), `no_thread`, `request_failed`;
  /// after a throw `t` is still the caller's.
  void submit(transfer& t);

  /// Asks for the end of `t`; does nothing if it has ended. Requires: submitted.
  void request_stop(transfer& t) noexcept;

  transfer_thread(const transfer_thread&) = delete;
  transfer_thread& operator=(const transfer_thread&) = delete;

 private:
  enum class state { none, running, ended };

  struct mail {
    transfer* starts = nullptr;
    transfer* stops = nullptr;
    bool draining = false;
  };

  transfer_thread();
  static void drain_at_exit() noexcept;
  void start();
  static void* enter(void* self) noexcept;

  // On the transfer thread.
  void run() noexcept;
  mail take_mail() noexcept;
  void open(const mail& letters) noexcept;
  void hand_back_ended() noexcept;
  void begin(transfer& t) noexcept;
  void finish(transfer& t, CURLcode result) noexcept;
  void finish_cancelled(transfer& t) noexcept;
  void release(transfer& t) noexcept;
  void cancel_all() noexcept;
  void fail_all(CURLMcode why) noexcept;
  std::chrono::milliseconds patience() const noexcept;
  bool end_if_idle() noexcept;

  // With `mutex_` held.
  void wake() noexcept;

  const pid_t process_;
  std::mutex mutex_;
  mail inbox_;
  bool woken_ = false;
  state state_ = state::none;
  pthread_t thread_{};
  std::unique_ptr<driven_multi> multi_;

  // The transfer thread's own.
  transfer* active_ = nullptr;
  std::chrono::steady_clock::time_point idle_until_;
};

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
