#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include <filch/detail/bound.hpp>
#include <filch/detail/core.hpp>
#include <filch/options.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

class scope_core;

/// A job spawned into a scope. Its closure is gone when the scope hears of its end.
class FILCH_API scope_job : public job {
 public:
  void run() noexcept final;

 protected:
  explicit scope_job(scope_core& scope) noexcept;
  ~scope_job() override;
  virtual void call() = 0;
  virtual void drop() noexcept = 0;

 private:
  friend class scope_core;
  scope_core& scope_;
  scope_job* before_ = nullptr;  // the scope's lists; under its lock
  scope_job* after_ = nullptr;
};

/// A scope without types, on the frame of the call: who has not started, who runs, what failed.
/// Jobs that have ended leave no trace, however many there were.
class FILCH_API scope_core final : public awaited {
 public:
  /// Throws: `no_thread` for a time limit where the timer cannot be started.
  scope_core(call_scope& call, const job_options& options);
  ~scope_core();

  /// Threads: the scope's body and jobs.
  void spawn(ref<scope_job> work) noexcept;
  /// True if new jobs would not run any more; then the scope takes note that one was left out.
  bool leaves_out() noexcept;
  /// The body or a job threw.
  void failed(std::exception_ptr error) noexcept;
  /// The scope has got what it wanted: the rest is left out, and that is no error.
  void stop() noexcept;
  /// After the body: waits for all jobs. Throws: the first error; `timed_out`; `cancelled` if
  /// something was left out because of a stop from outside.
  void finish();
  call_scope& call() noexcept { return call_; }

  latch& done() noexcept override { return running_.done(); }
  ref<job> unclaimed() noexcept override;
  slot* runner(std::size_t i) noexcept override;
  const void* what() const noexcept override { return call_.ctx().what; }
  pool_core* pool() noexcept override { return &call_.core(); }
  bool structured() const noexcept override { return true; }

 private:
  friend class scope_job;
  struct chain {
    scope_job* first = nullptr;
    scope_job* last = nullptr;
    void append(scope_job& work) noexcept;
    void remove(scope_job& work) noexcept;
  };
  struct expiry;

  void begins(scope_job& work) noexcept;
  void ended(scope_job& work) noexcept;
  void leave_out_unstarted() noexcept;
  void limit_time(std::chrono::nanoseconds limit);

  call_scope& call_;
  std::mutex lock_;
  chain waiting_;
  chain busy_;
  std::exception_ptr error_;
  bool own_stop_ = false;
  bool left_out_ = false;
  countdown running_{1};  // the body
  std::shared_ptr<expiry> expiry_;
  std::uint64_t timer_ = 0;
};

/// A spawned call with its decayed callable and arguments.
template <class F, class... A>
class spawned final : public scope_job {
 public:
  template <class G, class... B>
  spawned(scope_core& scope, G&& g, B&&... args)
      : scope_job(scope), call_(std::in_place, std::forward<G>(g), std::forward<B>(args)...) {}

 private:
  void call() override {
    std::apply(
        [](auto&& f, auto&&... args) {
          using result = job_result<F, A...>;
          static_cast<void>(invoke_job<result>(std::move(f), std::move(args)...));
        },
        std::move(*call_));
  }
  void drop() noexcept override { call_.reset(); }

  std::optional<std::tuple<F, A...>> call_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
