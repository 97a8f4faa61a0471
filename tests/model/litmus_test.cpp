// The explorer against programs whose outcomes the C++20 memory model settles: what it allows must
// be found, what it forbids must never be reported.
#include <gtest/gtest.h>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::atomics;
using model::checked;
using model::require;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto seq_cst = std::memory_order_seq_cst;

// The searches of a litmus test are small enough for any bound.
constexpr model::plan small{.limits = {.preemptions = 4}, .random_schedules = 20'000};

enum class barrier { none, acquire_release, full, light_heavy, heavy_only };

template <barrier B>
void cross(int thread) {
  if (B == barrier::full) atomics::fence(seq_cst);
  if (B == barrier::acquire_release) atomics::fence(acq_rel);
  if (B == barrier::light_heavy && thread == 0) atomics::light_fence();
  if ((B == barrier::light_heavy || B == barrier::heavy_only) && thread == 1) {
    atomics::heavy_fence();
  }
}

template <barrier B>
struct store_buffering {
  static constexpr int threads = 2;
  atomic<int> x[2];
  int read[2] = {-1, -1};
  void thread(int i) {
    x[i].store(1, relaxed);
    cross<B>(i);
    read[i] = x[1 - i].load(relaxed);
  }
  void after() { require(read[0] == 1 || read[1] == 1, "both read old values"); }
};

TEST(litmus, store_buffering_is_found_without_a_full_fence) {
  model::expect_found<store_buffering<barrier::none>>("both read old", small);
  model::expect_found<store_buffering<barrier::acquire_release>>("both read old", small);
}
TEST(litmus, full_fences_end_store_buffering) {
  model::expect_clean<store_buffering<barrier::full>>(small);
}
TEST(litmus, a_heavy_fence_ends_store_buffering_with_a_light_one) {
  model::expect_clean<store_buffering<barrier::light_heavy>>(small);
}
TEST(litmus, a_missing_light_fence_is_found) {
  model::expect_found<store_buffering<barrier::heavy_only>>("both read old", small);
}

template <std::memory_order Write, std::memory_order Read>
struct message_passing {
  static constexpr int threads = 2;
  checked<int> data;
  atomic<int> ready;
  void thread(int i) {
    if (i == 0) {
      data.write(1);
      ready.store(1, Write);
    } else if (ready.load(Read) == 1) {
      require(data.read() == 1, "a message without its data");
    }
  }
};

TEST(litmus, message_passing_needs_both_release_and_acquire) {
  model::expect_found<message_passing<relaxed, relaxed>>("data race", small);
  model::expect_found<message_passing<relaxed, acquire>>("data race", small);
  model::expect_found<message_passing<release, relaxed>>("data race", small);
}
TEST(litmus, release_and_acquire_pass_a_message) {
  model::expect_clean<message_passing<release, acquire>>(small);
}

template <bool Stale>
struct message_of_an_atomic {
  static constexpr int threads = 2;
  atomic<int> data;
  atomic<int> ready;
  void thread(int i) {
    if (i == 0) {
      data.store(1, relaxed);
      ready.store(1, Stale ? relaxed : release);
    } else if (ready.load(acquire) == 1) {
      require(data.load(relaxed) == 1, "an old value behind a message");
    }
  }
};
TEST(litmus, a_relaxed_load_returns_old_values_until_it_is_ordered) {
  model::expect_found<message_of_an_atomic<true>>("old value", small);
  model::expect_clean<message_of_an_atomic<false>>(small);
}

template <bool ReleaseFence, bool AcquireFence>
struct message_by_fences {
  static constexpr int threads = 2;
  checked<int> data;
  atomic<int> ready;
  void thread(int i) {
    if (i == 0) {
      data.write(1);
      if (ReleaseFence) atomics::fence(release);
      ready.store(1, relaxed);
    } else if (ready.load(relaxed) == 1) {
      if (AcquireFence) atomics::fence(acquire);
      data.read();
    }
  }
};
TEST(litmus, fences_pass_a_message_only_in_pairs) {
  model::expect_found<message_by_fences<false, true>>("data race", small);
  model::expect_found<message_by_fences<true, false>>("data race", small);
  model::expect_clean<message_by_fences<true, true>>(small);
}

enum class second_write { relaxed_store, relaxed_update, release_store };

// The flag goes 1 (release), then 2: does who reads 2 see what came before 1?
template <second_write How>
struct release_sequence {
  static constexpr int threads = 2;
  checked<int> data;
  atomic<int> flag;
  void thread(int i) {
    if (i == 0) {
      data.write(1);
      flag.store(1, release);
      if (How == second_write::relaxed_store) flag.store(2, relaxed);
      if (How == second_write::relaxed_update) flag.fetch_add(1, relaxed);
      if (How == second_write::release_store) flag.store(2, release);
    } else if (flag.load(acquire) == 2) {
      data.read();
    }
  }
};
TEST(litmus, a_relaxed_store_breaks_a_release_sequence_since_cpp20) {
  model::expect_found<release_sequence<second_write::relaxed_store>>("data race", small);
  model::expect_clean<release_sequence<second_write::relaxed_update>>(small);
  model::expect_clean<release_sequence<second_write::release_store>>(small);
}

// A relaxed update by another thread carries the sequence on, for what the first thread wrote.
template <bool ReadsOwn>
struct relayed_sequence {
  static constexpr int threads = 3;
  checked<int> first;
  checked<int> second;
  atomic<int> flag;
  void thread(int i) {
    if (i == 0) {
      first.write(1);
      flag.fetch_add(1, release);
    } else if (i == 1) {
      if (ReadsOwn) second.write(1);
      flag.fetch_add(2, relaxed);
    } else if (flag.load(acquire) == 3) {
      first.read();
      if (ReadsOwn) second.read();
    }
  }
};
TEST(litmus, an_update_relays_a_release_but_adds_nothing_of_its_own) {
  model::expect_clean<relayed_sequence<false>>(small);
  model::expect_found<relayed_sequence<true>>("data race", small);
}

// Two threads store to both variables in opposite order.
template <std::memory_order Order>
struct two_plus_two_writes {
  static constexpr int threads = 2;
  atomic<int> x;
  atomic<int> y;
  void thread(int i) {
    (i == 0 ? x : y).store(1, Order);
    (i == 0 ? y : x).store(2, Order);
  }
  void after() {
    require(x.load(relaxed) != 1 || y.load(relaxed) != 1, "both first stores came last");
  }
};
TEST(litmus, stores_of_two_threads_may_be_ordered_against_their_execution) {
  model::expect_found<two_plus_two_writes<relaxed>>("came last", small);
  model::expect_found<two_plus_two_writes<release>>("came last", small);
}

// Four reads of one variable never go backwards.
struct coherence {
  static constexpr int threads = 3;
  atomic<int> x;
  void thread(int i) {
    if (i < 2) {
      x.store(i + 1, relaxed);
      return;
    }
    const int a = x.load(relaxed);
    const int b = x.load(relaxed);
    const int c = x.load(relaxed);
    require(!(a == c && a != b), "one variable went backwards");
  }
};
TEST(litmus, one_variable_never_goes_backwards) { model::expect_clean<coherence>(small); }

template <bool Fences>
struct independent_reads {
  static constexpr int threads = 4;
  atomic<int> x[2];
  int read[2][2] = {};
  void thread(int i) {
    if (i < 2) {
      x[i].store(1, release);
      return;
    }
    read[i - 2][0] = x[i - 2].load(acquire);
    if (Fences) atomics::fence(seq_cst);
    read[i - 2][1] = x[3 - i].load(acquire);
  }
  void after() {
    const bool disagree = read[0][0] == 1 && read[0][1] == 0 && read[1][0] == 1 && read[1][1] == 0;
    require(!disagree, "two readers disagree about the order");
  }
};
TEST(litmus, independent_reads_agree_only_across_full_fences) {
  constexpr model::plan wider{.limits = {.preemptions = 2}, .random_schedules = 20'000};
  model::expect_found<independent_reads<false>>("disagree", wider);
  model::expect_clean<independent_reads<true>>(wider);
}

// Full fences order what is read; they make nothing happen before by themselves.
struct fences_alone {
  static constexpr int threads = 2;
  checked<int> data;
  void thread(int i) {
    if (i == 0) data.write(1);
    atomics::fence(seq_cst);
    if (i == 1) data.read();
  }
};
TEST(litmus, a_full_fence_alone_passes_no_message) {
  model::expect_found<fences_alone>("data race", small);
}

struct counting {
  static constexpr int threads = 3;
  atomic<int> sum;
  void thread(int) {
    auto seen = sum.load(relaxed);
    while (!sum.compare_exchange_weak(seen, seen + 1, relaxed, relaxed)) {
    }
    sum.fetch_add(10, relaxed);
  }
  void after() { require(sum.load(relaxed) == 33, "an update was lost"); }
};
TEST(litmus, relaxed_updates_lose_nothing) {
  model::expect_clean<counting>({.limits = {.preemptions = 3, .oddities = 2}});
}

template <std::memory_order Order>
struct sequential_store_buffering {
  static constexpr int threads = 2;
  atomic<int> x[2];
  int read[2] = {-1, -1};
  void thread(int i) {
    x[i].store(1, Order);
    read[i] = x[1 - i].load(Order == seq_cst ? seq_cst : acquire);
  }
  void after() { require(read[0] == 1 || read[1] == 1, "both read old values"); }
};
TEST(litmus, sequentially_consistent_accesses_end_store_buffering) {
  model::expect_clean<sequential_store_buffering<seq_cst>>(small);
  model::expect_found<sequential_store_buffering<release>>("both read old", small);
}

}  // namespace
