// What decides a race (core/include/filch/detail/race_cell.hpp).
#include <filch/detail/latch.hpp>
#include <filch/detail/race_cell.hpp>

#include <gtest/gtest.h>

#include <array>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using filch::detail::race_verdict;
using model::atomics;
using model::checked;
using model::require;

/// A race as core/src/io/race_state.cpp runs one: winners write their values and their places,
/// whoever decides opens the latch.
template <std::uint32_t Contenders, std::uint32_t Wanted>
struct race {
  filch::detail::basic_race_cell<atomics> cell{Contenders, Wanted};
  filch::detail::basic_latch<atomics> over;
  std::array<checked<int>, 4> values;
  std::array<checked<int>, 4> holders;
  model::atomic<int> decided{0};

  void decide() {
    require(decided.fetch_add(1, std::memory_order_relaxed) == 0, "a race was decided twice");
    if (cell.verdict() == race_verdict::won) look();
    over.set();
  }
  void look() {
    for (std::uint32_t place = 0; place < Wanted; ++place) {
      const int holder = holders[place].read();
      require(values[static_cast<std::size_t>(holder)].read() == holder + 10,
              "a winner's value is not the one it stored");
    }
  }
  void succeed(int i) {
    values[static_cast<std::size_t>(i)].write(i + 10);
    if (const auto place = cell.claim()) {
      holders[*place].write(i);
      if (cell.publish()) decide();
    }
  }
  void lose() {
    if (cell.fail()) decide();
  }
  void after() {
    require(decided.load(std::memory_order_relaxed) == 1, "a race was never decided");
    require(over.is_set() && !cell.is_open(), "a decided race is still open");
    if (cell.verdict() == race_verdict::won) look();
  }
};

struct two_succeed : race<2, 1> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i < 2) return succeed(i);
    over.wait();
    require(cell.verdict() == race_verdict::won, "a race that somebody won is not won");
    look();
  }
};
TEST(model_race_cell, one_winner_whose_value_the_waiter_sees) {
  model::expect_clean<two_succeed>({.limits = {.preemptions = 3, .oddities = 1}});
}

struct two_places : race<3, 2> {
  static constexpr int threads = 3;
  void thread(int i) { succeed(i); }
};
TEST(model_race_cell, the_last_winner_sees_the_values_of_all) {
  model::expect_clean<two_places>({.limits = {.preemptions = 3, .oddities = 1}});
}

struct success_against_failures : race<3, 2> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i == 0) return succeed(i);
    lose();
  }
};
TEST(model_race_cell, too_few_left_fails_it_once) {
  model::expect_clean<success_against_failures>({.limits = {.preemptions = 3, .oddities = 1}});
}

struct success_failure_deadline : race<2, 1> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i == 0) return succeed(i);
    if (i == 1) return lose();
    if (cell.close(race_verdict::timed_out)) decide();
  }
  void after() {
    race::after();
    require(cell.verdict() != race_verdict::failed, "failed although one of two succeeded");
  }
};
TEST(model_race_cell, a_winner_and_a_deadline_never_both_decide) {
  model::expect_clean<success_failure_deadline>({.limits = {.preemptions = 3, .oddities = 1}});
}

struct claimed_then_closed : race<2, 2> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i < 2) return succeed(i);
    if (cell.close(race_verdict::cancelled)) decide();
  }
};
TEST(model_race_cell, a_full_podium_cannot_be_closed) {
  model::expect_clean<claimed_then_closed>({.limits = {.preemptions = 3, .oddities = 1}});
}

}  // namespace
