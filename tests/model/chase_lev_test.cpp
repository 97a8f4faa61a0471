// The deque of heap jobs (core/src/queue/chase_lev.hpp), the very header that the product runs.
#include <queue/chase_lev.hpp>

#include <gtest/gtest.h>

#include <array>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using filch::detail::steal_result;
using model::require;

struct item {
  model::checked<int> payload;
  int runs = 0;

  void run(int expected) {
    require(payload.read() == expected, "an item without what its owner wrote");
    require(++runs == 1, "an item was taken twice");
  }
};

// Items are numbered from 1 in the order of their pushes.
template <std::size_t Items, std::size_t Capacity>
struct deque_under_test {
  filch::detail::chase_lev<item, model::atomics> deque{Capacity};
  std::array<item, Items> items;
  int pushed = 0;

  void push() {
    auto& next = items[static_cast<std::size_t>(pushed++)];
    next.payload.write(pushed);
    deque.push(&next);
  }
  void run(item* taken) {
    if (taken) taken->run(static_cast<int>(taken - items.data()) + 1);
  }
  void pop() { run(deque.pop()); }
  steal_result steal() {
    item* taken = nullptr;
    const auto how = deque.steal(taken);
    require((how == steal_result::taken) == (taken != nullptr), "a steal contradicts itself");
    run(taken);
    return how;
  }
  void after() {
    while (auto* left = deque.pop()) run(left);
    for (const auto& each : items) require(each.runs == 1, "an item was lost");
  }
};

struct owner_and_thief : deque_under_test<3, 4> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i == 1) {
      steal();
      steal();
      return;
    }
    push();
    push();
    pop();
    push();
    pop();
    pop();
  }
};
TEST(model_chase_lev, owner_and_thief_take_each_item_once) {
  model::expect_clean<owner_and_thief>({.limits = {.preemptions = 3}});
}

struct two_thieves : deque_under_test<2, 2> {
  static constexpr int threads = 3;
  void thread(int i) {
    if (i > 0) {
      steal();
      return;
    }
    push();
    push();
    pop();
    pop();
  }
};
TEST(model_chase_lev, two_thieves_and_the_owner_take_each_item_once) {
  model::expect_clean<two_thieves>({.limits = {.preemptions = 2}});
}

// Two slots, so the third item makes it grow, and a thief may hold the old buffer.
struct growing : deque_under_test<4, 2> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i == 1) {
      steal();
      steal();
      return;
    }
    push();
    push();
    push();
    pop();
    push();
  }
};
TEST(model_chase_lev, growing_loses_and_doubles_nothing) {
  model::expect_clean<growing>({.limits = {.preemptions = 2}});
}

// The thief empties slots that the owner uses again without growing.
struct going_round : deque_under_test<4, 2> {
  static constexpr int threads = 2;
  void thread(int i) {
    if (i == 1) {
      for (int k = 0; k < 3; ++k) steal();
      return;
    }
    for (int k = 0; k < 4; ++k) push();
    pop();
  }
};
TEST(model_chase_lev, slots_are_used_again_only_after_their_items_left) {
  model::expect_clean<going_round>({.limits = {.preemptions = 2}});
}

// `empty` lets a thief sleep, so it must not be said while an item lies there untouched.
struct never_empty : deque_under_test<2, 2> {
  static constexpr int threads = 2;
  never_empty() {
    push();
    push();
  }
  void thread(int i) {
    if (i == 0) return pop();
    require(!deque.looks_empty(), "a deque looks empty that never was");
    require(steal() == steal_result::taken, "nobody else was there, and the thief got nothing");
  }
};
TEST(model_chase_lev, a_thief_is_told_empty_only_of_an_empty_deque) {
  model::expect_clean<never_empty>({.limits = {.preemptions = 3}});
}

}  // namespace
