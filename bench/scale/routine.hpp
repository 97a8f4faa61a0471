#pragma once

#include <coroutine>
#include <optional>
#include <utility>

namespace filch::bench::scale {

/// What a simulated thread does, written like the code it stands for: a function that may be
/// interrupted wherever time passes. It begins when it is awaited (a thread's outermost one: when
/// `handle()` is resumed) and its owner destroys it, wherever it stands.
template <class T>
class [[nodiscard]] routine;

namespace routine_detail {

struct back_to_caller {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
    return done.promise().caller ? done.promise().caller : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct promise_base {
  std::coroutine_handle<> caller;
  std::suspend_always initial_suspend() const noexcept { return {}; }
  back_to_caller final_suspend() const noexcept { return {}; }
  // Ends the simulation: it leaves by the event loop.
  [[noreturn]] void unhandled_exception() const { throw; }
};

template <class T>
struct promise : promise_base {
  routine<T> get_return_object() noexcept;
  void return_value(T v) noexcept { value = v; }
  T take() const noexcept { return *value; }
  std::optional<T> value;
};
template <>
struct promise<void> : promise_base {
  routine<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace routine_detail

template <class T = void>
class [[nodiscard]] routine {
 public:
  using promise_type = routine_detail::promise<T>;
  using handle_type = std::coroutine_handle<promise_type>;

  explicit routine(handle_type h) noexcept : handle_(h) {}
  routine(routine&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  routine& operator=(routine&&) = delete;
  ~routine() {
    if (handle_) handle_.destroy();
  }

  std::coroutine_handle<> handle() const noexcept { return handle_; }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const noexcept {
    handle_.promise().caller = caller;
    return handle_;
  }
  T await_resume() const noexcept { return handle_.promise().take(); }

 private:
  handle_type handle_;
};

namespace routine_detail {
template <class T>
routine<T> promise<T>::get_return_object() noexcept {
  return routine<T>(std::coroutine_handle<promise<T>>::from_promise(*this));
}
inline routine<void> promise<void>::get_return_object() noexcept {
  return routine<void>(std::coroutine_handle<promise<void>>::from_promise(*this));
}
}  // namespace routine_detail

}  // namespace filch::bench::scale
