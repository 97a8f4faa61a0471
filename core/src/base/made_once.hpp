#pragma once

#include <atomic>
#include <memory>

namespace filch {
inline namespace v0 {
namespace detail {

/// A value that is made when it is first wanted, and never destroyed. Threads that want it at the
/// same time may each make one; the first is kept and all get that. A local static would let them
/// wait for the first, and a child forked at that moment would wait for ever. Constant-initialised.
template <class T>
class made_once {
 public:
  constexpr made_once() noexcept = default;
  made_once(const made_once&) = delete;
  made_once& operator=(const made_once&) = delete;

  /// `make` returns a `std::unique_ptr<T>`. Throws: what it throws.
  template <class Make>
  T& get(Make make) {
    // order: the value is constructed [pair:MADE-ONCE]
    if (T* const seen = at_.load(std::memory_order_acquire)) return *seen;
    std::unique_ptr<T> fresh = make();
    T* other = nullptr;
    // order: hands the value on, or finds another thread's constructed [pair:MADE-ONCE]
    if (at_.compare_exchange_strong(other, fresh.get(), std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return *fresh.release();
    }
    return *other;
  }

 private:
  std::atomic<T*> at_{nullptr};
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
