#pragma once

// A second opinion: the same headers under Dmitry Vyukov's relacy, as Debian packages it. Whatever
// relacy redefines must not reach the standard's headers, so these come first.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <ostream>
#include <streambuf>
#include <vector>

#include <relacy/relacy.hpp>

// It also turns the standard's words into its own; the headers under test speak the standard's.
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef errno
#undef assert

namespace relacy {

inline rl::memory_order as_relacy(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_consume:
      return rl::mo_consume;
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    default:
      return rl::mo_seq_cst;
  }
}

template <class T>
class atomic {
 public:
  atomic() : atomic(T{}) {}
  atomic(T value) { inner_.store(value, rl::mo_relaxed, $); }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order) const { return inner_.load(as_relacy(order), $); }
  void store(T value, std::memory_order order) { inner_.store(value, as_relacy(order), $); }
  T exchange(T value, std::memory_order order) {
    return inner_.exchange(value, as_relacy(order), $);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
    return inner_.compare_exchange_strong(expected, desired, as_relacy(success), $,
                                          as_relacy(failure), $);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) {
    return inner_.compare_exchange_weak(expected, desired, as_relacy(success), $,
                                        as_relacy(failure), $);
  }
  T fetch_add(T more, std::memory_order order) {
    return inner_.fetch_add(more, as_relacy(order), $);
  }
  T fetch_sub(T less, std::memory_order order) {
    return inner_.fetch_sub(less, as_relacy(order), $);
  }

  // What relacy's own futex does, for words of any type.
  void wait(T expected) const {
    auto& context = rl::ctx();
    context.sched();
    context.atomic_thread_fence_seq_cst();
    T seen;
    {
      rl::preemption_disabler alone(context);
      seen = inner_.load(rl::mo_acquire, $);
    }
    if (seen == expected) inner_.wait(context, false, true, $);
  }
  void wake(int count) const {
    auto& context = rl::ctx();
    context.sched();
    context.atomic_thread_fence_seq_cst();
    inner_.wake(context, static_cast<rl::thread_id_t>(count), $);
  }

 private:
  mutable rl::atomic<T> inner_;
};

/// Stands in for `std_atomics`. relacy's heavy fence acts in every thread at once, and it knows no
/// compiler that moves accesses, so there the light fence is nothing.
struct atomics {
  template <class T>
  using atomic = relacy::atomic<T>;

  static void fence(std::memory_order order) { rl::atomic_thread_fence(as_relacy(order), $); }
  static void light_fence() {}
  static void heavy_fence() { rl::systemwide_fence($); }
  static void wait(const atomic<std::uint32_t>& word, std::uint32_t expected) {
    word.wait(expected);
  }
  static void wake(const atomic<std::uint32_t>* word, int count) { word->wake(count); }
};

/// Keeps what is written to it until it is full. relacy takes over the heap in the middle of a
/// search, so this must not grow.
class fixed_buffer : public std::streambuf {
 public:
  fixed_buffer() { setp(room_, room_ + sizeof room_); }
  void print() const {
    std::fwrite(pbase(), 1, static_cast<std::size_t>(pptr() - pbase()), stdout);
  }

 private:
  char room_[1 << 16];
};

/// So many random schedules; what relacy found is printed, unless it was planted.
template <class Test>
bool clean(const char* name, unsigned long schedules, bool planted = false) {
  fixed_buffer kept;
  std::ostream told(&kept);
  rl::test_params wanted;
  wanted.iteration_count = schedules;
  wanted.search_type = rl::random_scheduler_type;
  wanted.output_stream = &told;
  wanted.progress_stream = &told;
  wanted.progress_output_period = 1'000'000'000;
  const bool good = rl::simulate<Test>(wanted);
  std::printf("relacy: %s %s after %lu schedules\n", name,
              good      ? "clean"
              : planted ? "found"
                        : "FAILED",
              static_cast<unsigned long>(wanted.stop_iteration));
  if (!good && !planted) kept.print();
  std::fflush(stdout);
  return good;
}

}  // namespace relacy
