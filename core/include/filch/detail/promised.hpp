#pragma once

#include <atomic>
#include <exception>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <filch/detail/future_state.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// What the future of a promise tells that was destroyed unkept.
FILCH_API std::exception_ptr broken_promise_error() noexcept;
[[noreturn]] FILCH_API FILCH_COLD void throw_one_future();

/// A result that no job of a pool makes: claimed from its birth, so that nobody runs it and
/// cancelling it only asks. Its pool is where callbacks' errors go; it waits for none.
template <class T>
class promised : public future_state<T> {
 public:
  explicit promised(pool_core& core, std::stop_token user = {}) : future_state<T>(share(core)) {
    this->place(core, lane::io, {}, make_stop(core, std::move(user)));
    this->claim();
  }

  void run() noexcept override {}
  bool is_made_by_jobs() const noexcept override { return false; }
  // Whoever waits for it waits for something outside of every pool; but a job that nobody else runs
  // may be what keeps it.
  pool_core* pool() noexcept override {
    pool_core* const its = this->core().get();
    return width(*its) == 0 ? its : nullptr;
  }

  template <class... A>
  bool keep(A&&... args) noexcept {
    if (!decides()) return false;
    this->fulfil([&]() -> T {
      if constexpr (std::is_void_v<T>) {
        static_assert(sizeof...(A) == 0, "filch: a promise<void> is kept without a value");
      } else if constexpr (std::is_reference_v<T>) {
        static_assert(sizeof...(A) == 1, "filch: a promise of a reference is kept with one object");
        return static_cast<T>((std::forward<A>(args), ...));
      } else {
        return T(std::forward<A>(args)...);
      }
    });
    return true;
  }
  bool fail(std::exception_ptr error) noexcept {
    if (!decides()) return false;
    this->finish(std::move(error));
    return true;
  }
  /// The promise goes. Where no future is left that is no error of anybody's, but callbacks hear.
  void abandon() noexcept {
    // order: [relaxed: spares an exception; fail() decides]
    if (decided_.load(std::memory_order_relaxed)) return;
    if (this->is_sole()) this->observe();
    fail(broken_promise_error());
  }
  std::stop_token stop_token() { return this->stop().token(); }

 private:
  bool decides() noexcept {
    // order: [relaxed: it only chooses who writes; the latch publishes what is written]
    return !decided_.exchange(true, std::memory_order_relaxed);
  }

  std::atomic<bool> decided_{false};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
