#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "machine.hpp"

namespace model {

/// A std::atomic whose every access is a step of the machine.
template <class T>
class atomic {
 public:
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));

  atomic() : atomic(T{}) {}
  atomic(T value) { id_ = the_machine.create(this, false, bits(value)); }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;
  ~atomic() { the_machine.destroy(here()); }

  T load(std::memory_order order) const { return of(the_machine.load(here(), order)); }
  void store(T value, std::memory_order order) { the_machine.store(here(), bits(value), order); }
  T exchange(T value, std::memory_order order) {
    return update(order, [value](T) { return value; });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
    return compare_exchange(expected, desired, {success, failure}, false);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order) {
    return compare_exchange(expected, desired, {order, failing(order)}, false);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) {
    return compare_exchange(expected, desired, {success, failure}, true);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order) {
    return compare_exchange(expected, desired, {order, failing(order)}, true);
  }
  T fetch_add(T more, std::memory_order order) {
    return update(order, [more](T old) { return static_cast<T>(old + more); });
  }
  T fetch_sub(T less, std::memory_order order) {
    return update(order, [less](T old) { return static_cast<T>(old - less); });
  }
  T fetch_or(T mask, std::memory_order order) {
    return update(order, [mask](T old) { return static_cast<T>(old | mask); });
  }
  T fetch_and(T mask, std::memory_order order) {
    return update(order, [mask](T old) { return static_cast<T>(old & mask); });
  }

  /// For `wait`: where the machine finds this object, if it is one.
  place here() const { return {id_, this}; }
  static std::uint64_t bits(T value) {
    std::uint64_t raw = 0;
    std::memcpy(&raw, &value, sizeof value);
    return raw;
  }

 private:
  static T of(std::uint64_t raw) {
    T value;
    std::memcpy(&value, &raw, sizeof value);
    return value;
  }
  static constexpr std::memory_order failing(std::memory_order order) {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    return order == std::memory_order_release ? std::memory_order_relaxed : order;
  }
  template <class F>
  T update(std::memory_order order, F next) {
    return of(
        the_machine.update(here(), order, [&](std::uint64_t raw) { return bits(next(of(raw))); }));
  }
  bool compare_exchange(T& expected, T desired, machine::exchange_orders orders, bool weak) {
    auto raw = bits(expected);
    const bool done = the_machine.compare_exchange(here(), raw, bits(desired), orders, weak);
    expected = of(raw);
    return done;
  }

  int id_ = -1;
};

/// What the structures of filch need of the machine; stands in for `std_atomics`.
struct atomics {
  template <class T>
  using atomic = model::atomic<T>;

  static void fence(std::memory_order order) noexcept { the_machine.fence(order); }
  static void light_fence() noexcept { the_machine.light_fence(); }
  static void heavy_fence() noexcept { the_machine.heavy_fence(); }
  static void wait(const atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    the_machine.wait(word.here(), expected);
  }
  static void wake(const atomic<std::uint32_t>* word, int count) noexcept {
    the_machine.wake(word, count);
  }
};

/// A plain object. An access that races, or that comes after the object's end, is reported.
template <class T>
class checked {
 public:
  checked() : checked(T{}) {}
  checked(T value) : value_(std::move(value)) { id_ = the_machine.create(this, true, 0); }
  checked(const checked&) = delete;
  checked& operator=(const checked&) = delete;
  ~checked() { the_machine.destroy({id_, this}); }

  const T& read() const {
    the_machine.read_plain({id_, this});
    return value_;
  }
  void write(T value) {
    the_machine.write_plain({id_, this});
    value_ = std::move(value);
  }

 private:
  int id_ = -1;
  T value_;
};

}  // namespace model
