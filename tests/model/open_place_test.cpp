// What a thread leaves open on its frame (core/src/sched/open_place.hpp): nobody looks at it after
// its end, one takes it at most, and the owner learns who.
#include <filch/detail/latch.hpp>
#include <sched/open_place.hpp>

#include <gtest/gtest.h>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::checked;
using model::require;

constexpr auto relaxed = std::memory_order_relaxed;

struct part {
  explicit part(int number) : made(number) {}
  checked<int> made;
  checked<int> taken{0};
};

/// An owner that leaves one part after the other, or one inside the other, and visitors.
template <int Visitors, int Visits, bool Nested>
struct left_open {
  static constexpr int threads = 1 + Visitors;
  filch::detail::open_place<part, model::atomics> place;
  atomic<int> takers{0};
  checked<int> found{0};

  void thread(int me) {
    if (me == 0) return own();
    for (int i = 0; i < Visits; ++i) visit();
  }

  void own() {
    int sum = 0;
    {
      part outer(1);
      place.put(&outer);
      if (Nested) {
        part* const before = place.mine();
        part inner(2);
        place.put(&inner);
        place.replace(before);
        sum += inner.taken.read();
      }
      place.replace(nullptr);
      sum += outer.taken.read();
    }
    if (!Nested) {
      part next(2);
      place.put(&next);
      place.replace(nullptr);
      sum += next.taken.read();
    }
    found.write(sum);
  }
  void visit() {
    const bool took = place.visit([](part& p) {
      require(p.made.read() != 0, "a part that is not made yet");
      if (p.taken.read() != 0) return false;
      p.taken.write(1);
      return true;
    });
    if (took) takers.fetch_add(1, relaxed);
  }
  void after() {
    require(place.looks_empty(), "something is left");
    require(found.read() == takers.load(relaxed), "the owner does not know who came");
  }
};

TEST(model_open_place, one_visitor_and_parts_that_come_and_go) {
  model::expect_clean<left_open<1, 2, false>>({.limits = {.preemptions = 3, .oddities = 2}});
}

TEST(model_open_place, one_visitor_and_a_part_inside_another) {
  model::expect_clean<left_open<1, 2, true>>({.limits = {.preemptions = 3, .oddities = 2}});
}

TEST(model_open_place, two_visitors_and_parts_that_come_and_go) {
  model::expect_clean<left_open<2, 1, false>>({.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_open_place, two_visitors_and_a_part_inside_another) {
  model::expect_clean<left_open<2, 1, true>>({.limits = {.preemptions = 3, .oddities = 1}});
}

/// A part that is opened again when who came has left, as loops do between two items
/// (core/src/pool/loop_crew.cpp); at the end the owner waits for who is in.
template <int Visitors, int Visits>
struct opened_again {
  static constexpr int threads = 1 + Visitors;
  struct shared_part {
    checked<int> joiner{0};  // the visitors', in turn, and the owner's when they have left
    checked<int> worked{0};
    filch::detail::basic_latch<model::atomics> left;
  };
  filch::detail::open_place<shared_part, model::atomics> place;
  atomic<int> joined{0};
  checked<int> found{0};

  void thread(int me) {
    if (me == 0) return own();
    for (int i = 0; i < Visits; ++i) visit(me);
  }

  void own() {
    shared_part mine;
    place.put(&mine);
    for (int item = 0; item < 2; ++item) {
      if (!mine.left.is_set()) continue;
      mine.joiner.write(0);
      mine.left.close_again();
      place.put(&mine);
    }
    place.replace(nullptr);
    if (mine.joiner.read() != 0) mine.left.wait();
    found.write(mine.worked.read());
  }
  void visit(int me) {
    shared_part* part = nullptr;
    place.visit([&](shared_part& p) {
      if (p.joiner.read() != 0) return false;
      p.joiner.write(me);
      part = &p;
      return true;
    });
    if (!part) return;
    part->worked.write(part->worked.read() + 1);
    joined.fetch_add(1, relaxed);
    part->left.set();
  }
  void after() {
    require(place.looks_empty(), "something is left");
    require(found.read() == joined.load(relaxed), "the owner did not wait for who was in");
  }
};

TEST(model_open_place, a_part_that_is_opened_again_when_its_visitor_has_left) {
  model::expect_clean<opened_again<1, 2>>({.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_open_place, a_part_that_is_opened_again_and_two_visitors) {
  model::expect_clean<opened_again<2, 1>>({.limits = {.preemptions = 2, .oddities = 1}});
}

}  // namespace
