#include <atomic>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include <filch/fork_join.hpp>
#include <filch/imap.hpp>
#include <filch/map.hpp>
#include <filch/map_async.hpp>
#include <filch/pool.hpp>
#include <filch/promise.hpp>
#include <filch/queue.hpp>
#include <filch/race.hpp>
#include <filch/ranges.hpp>
#include <filch/reduce.hpp>
#include <filch/submit.hpp>
#include <filch/when.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

// Values and callables that want more alignment than memory has by itself get it, wherever filch
// keeps them: matrices of fixed size and vector registers are such.

namespace {

FILCH_CONFORMANCE(alignment);

std::atomic<int> misplaced{0};

/// Counts each one that was made where it must not be.
struct alignas(64) wide {
  explicit wide(int v = 0) noexcept : value(v) { look(); }
  wide(const wide& other) noexcept : value(other.value) { look(); }
  wide& operator=(const wide& other) noexcept = default;
  ~wide() { look(); }
  void look() const noexcept {
    if (reinterpret_cast<std::uintptr_t>(this) % alignof(wide) != 0) ++misplaced;
  }
  int value;
};

struct nothing_misplaced {
  nothing_misplaced() { misplaced = 0; }
  ~nothing_misplaced() { EXPECT_EQ(misplaced.load(), 0); }
};

int value_of(const wide& w) { return w.value; }

TEST_P(alignment, of_jobs_what_they_hold_and_what_they_give) {
  const nothing_misplaced check;
  auto pool = make_pool();
  // Several, as the allocator may give the right place by chance.
  for (int i = 0; i < 20; ++i) {
    const wide held(i);
    auto first = pool.submit([held] { return held; });
    auto second = pool.submit([](const wide& given) { return wide(given.value + 1); }, held);
    auto third = first.then([held](const wide& got) { return wide(got.value + held.value); });
    EXPECT_EQ(third.get().value, 2 * i);
    EXPECT_EQ(second.get().value, i + 1);
    pool.post([held] { held.look(); });
    filch::promise<wide> given(pool);
    auto later = given.get_future();
    given.set_value(held);
    auto both = filch::when_all(std::move(later), pool.submit([held] { return held; })).get();
    EXPECT_EQ(std::get<0>(both).value + std::get<1>(both).value, 2 * i);
  }
}

TEST_P(alignment, of_elements_and_results_of_loops) {
  const nothing_misplaced check;
  auto pool = make_pool();
  const wide held(1);
  const auto add = [held](int x) { return wide(x + held.value); };
  std::vector<wide> out(5);
  EXPECT_EQ(pool.map(add, filch::range(5)).back().value, 5);
  EXPECT_EQ(pool.map_async(add, filch::range(5)).get().back().value, 5);
  EXPECT_EQ(pool.map_into(out, add, filch::range(5)), 5U);
  EXPECT_EQ(pool.map(value_of, pool.map(add, filch::range(5))).back(), 5);
  EXPECT_EQ(pool.map_try(add, filch::range(5)).back().value().value, 5);
  const auto sum = pool.reduce(
      out, wide(), [](const wide& a, const wide& b) { return wide(a.value + b.value); });
  EXPECT_EQ(sum.value, 15);
  int seen = 0;
  for (const wide& w : pool.imap(add, filch::range(5))) seen += w.value;
  for (const auto& [index, w] : pool.imap_unordered(add, filch::range(5))) seen += w.value;
  EXPECT_EQ(seen, 30);
}

TEST_P(alignment, of_branches_races_and_queues) {
  const nothing_misplaced check;
  auto pool = make_pool();
  const wide held(3);
  const auto give = [held] { return held; };
  auto [left, right] = pool.fork_join(give, give);
  EXPECT_EQ(left.value + right.value, 6);
  EXPECT_EQ(pool.race([held](int) { return held; }, std::vector<int>{1, 2}).value.value, 3);
  filch::queue<wide> queue(2);
  queue.push(held);
  EXPECT_EQ(queue.pop()->value, 3);
}

}  // namespace
