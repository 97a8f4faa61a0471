// A contender that answers later (core/src/io/late_answer.hpp), in a race as
// core/src/io/race_state.cpp runs it: a loser's answer is cancelled whether the race ends before,
// while or after somebody begins to listen to it.
#include <filch/detail/latch.hpp>
#include <filch/detail/race_cell.hpp>
#include <io/late_answer.hpp>
#include <sync/short_lock.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using filch::detail::race_verdict;
using model::atomic;
using model::atomics;
using model::checked;
using model::require;

/// A future that ends when it is cancelled, or by itself.
template <class Race>
struct future {
  Race* race = nullptr;
  std::size_t index = 0;
  atomic<int> claimed{0};
  atomic<int> phase{0};  // 1: somebody listens, 2: it has ended
  checked<int> result{0};

  void end(int with) {
    if (claimed.exchange(1, std::memory_order_acq_rel) != 0) return;
    result.write(with);
    if (phase.exchange(2, std::memory_order_acq_rel) == 1) race->answered(index);
  }
  void cancel() { end(-1); }
  void add() {
    int open = 0;
    if (!phase.compare_exchange_strong(open, 1, std::memory_order_acq_rel)) race->answered(index);
  }
};

/// A pointer whose copies are seen by the explorer.
template <class T>
class pointer {
 public:
  pointer() = default;
  explicit pointer(T& to) : to_(&to) {}
  pointer(const pointer& other) : to_(other.to_.read()) {}
  pointer& operator=(const pointer& other) {
    to_.write(other.to_.read());
    return *this;
  }
  explicit operator bool() const { return to_.read() != nullptr; }
  T* operator->() const { return to_.read(); }

 private:
  checked<T*> to_{nullptr};
};

template <std::uint32_t Contenders>
struct race {
  using answer = future<race>;
  using lock_type = filch::detail::basic_short_lock<atomics, 0>;
  filch::detail::basic_race_cell<atomics> cell{Contenders, 1};
  lock_type lock;
  std::array<answer, Contenders> futures;
  std::array<filch::detail::late_answer<pointer<answer>, lock_type>, Contenders> places;
  filch::detail::basic_latch<atomics> all_ended;
  atomic<std::uint32_t> ended{0};
  atomic<int> decided{0};

  race() {
    for (std::size_t i = 0; i < Contenders; ++i) {
      futures[i].race = this;
      futures[i].index = i;
    }
  }

  void listen_to(std::size_t i) {
    const pointer<answer> made(futures[i]);
    places[i].begin(lock, made, [&] { futures[i].add(); }, [this] { return !cell.is_open(); });
  }
  void answered(std::size_t i) {
    if (futures[i].result.read() < 0) {
      if (cell.fail()) over();
    } else if (cell.claim() && cell.publish()) {
      over();
    }
    const auto taken = places[i].take(lock);
    require(static_cast<bool>(taken), "an answer came twice, or before it was known");
    if (ended.fetch_add(1, std::memory_order_acq_rel) + 1 == Contenders) all_ended.set();
  }
  void over() {
    require(decided.fetch_add(1, std::memory_order_relaxed) == 0, "a race was decided twice");
    for (auto& place : places) place.cancel(lock);
  }
  void close() {
    if (cell.close(race_verdict::cancelled)) over();
  }
  void after() {
    for (auto& place : places) require(!place.get(), "an answer is kept after its end");
  }
};

// The one contender ends when it is cancelled, and not before.
struct stopped : race<1> {
  static constexpr int threads = 3;
  void thread(int me) {
    if (me == 0) return listen_to(0);
    if (me == 1) return close();
    all_ended.wait();
  }
};
TEST(model_late_answer, a_stop_reaches_it_whenever_it_comes) {
  model::expect_clean<stopped>({.limits = {.preemptions = 3, .oddities = 1}});
}

// One answers by itself, which ends the race; the other only if it is cancelled.
template <bool Stopped>
struct won : race<2> {
  static constexpr int threads = 3;
  void thread(int me) {
    if (me == 0) return listen_to(0);
    if (me == 1) {
      listen_to(1);
      return futures[1].end(1);
    }
    if (Stopped) close();
    all_ended.wait();
  }
};
TEST(model_late_answer, a_winner_reaches_the_loser_whenever_it_wins) {
  model::expect_clean<won<false>>({.limits = {.preemptions = 3, .oddities = 1}});
}
TEST(model_late_answer, a_winner_and_a_stop_reach_the_loser) {
  model::expect_clean<won<true>>({.limits = {.preemptions = 2}, .widest = 2});
}

// An answer that is there at once is called back by who listens.
struct at_once : race<2> {
  static constexpr int threads = 2;
  void thread(int me) {
    if (me == 1) futures[1].end(1);
    listen_to(static_cast<std::size_t>(me));
    if (me == 0) all_ended.wait();
  }
};
TEST(model_late_answer, one_that_is_there_at_once_ends_the_other) {
  model::expect_clean<at_once>({.limits = {.preemptions = 3, .oddities = 1}});
}

}  // namespace
