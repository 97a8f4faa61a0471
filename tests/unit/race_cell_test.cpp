#include <filch/detail/latch.hpp>
#include <filch/detail/race_cell.hpp>

#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

namespace {

using filch::detail::latch;
using filch::detail::race_cell;
using filch::detail::race_verdict;

TEST(race_cell, first_claim_wins_and_every_later_one_is_refused) {
  race_cell cell(3, 1);
  EXPECT_TRUE(cell.is_open());
  EXPECT_EQ(cell.claim(), 0U);
  EXPECT_EQ(cell.verdict(), race_verdict::won);
  EXPECT_FALSE(cell.claim());
  EXPECT_TRUE(cell.publish());
}

TEST(race_cell, places_are_given_in_order_until_all_are_taken) {
  race_cell cell(5, 3);
  EXPECT_EQ(cell.claim(), 0U);
  EXPECT_EQ(cell.claim(), 1U);
  EXPECT_TRUE(cell.is_open());
  EXPECT_EQ(cell.claim(), 2U);
  EXPECT_FALSE(cell.is_open());
  EXPECT_FALSE(cell.claim());
}

TEST(race_cell, last_publication_decides_whoever_makes_it) {
  race_cell cell(3, 2);
  ASSERT_TRUE(cell.claim());
  ASSERT_TRUE(cell.claim());
  EXPECT_FALSE(cell.publish());
  EXPECT_TRUE(cell.publish());
}

TEST(race_cell, only_the_failure_of_all_decides_a_race_for_one) {
  race_cell cell(3, 1);
  EXPECT_FALSE(cell.fail());
  EXPECT_FALSE(cell.fail());
  EXPECT_TRUE(cell.is_open());
  EXPECT_TRUE(cell.fail());
  EXPECT_EQ(cell.verdict(), race_verdict::failed);
}

TEST(race_cell, race_for_several_fails_as_soon_as_too_few_are_left) {
  race_cell cell(4, 3);
  EXPECT_EQ(cell.claim(), 0U);
  EXPECT_FALSE(cell.fail());
  EXPECT_TRUE(cell.fail());
  EXPECT_EQ(cell.verdict(), race_verdict::failed);
  EXPECT_FALSE(cell.claim());
  EXPECT_FALSE(cell.fail()) << "decided once";
}

TEST(race_cell, close_takes_nothing_from_a_winner) {
  race_cell cell(2, 1);
  ASSERT_TRUE(cell.claim());
  EXPECT_FALSE(cell.close(race_verdict::timed_out)) << "even before the value is published";
  EXPECT_EQ(cell.verdict(), race_verdict::won);
}

TEST(race_cell, nobody_wins_or_fails_after_close) {
  race_cell cell(1, 1);
  EXPECT_TRUE(cell.close(race_verdict::timed_out));
  EXPECT_FALSE(cell.close(race_verdict::cancelled));
  EXPECT_FALSE(cell.claim());
  EXPECT_FALSE(cell.fail());
  EXPECT_EQ(cell.verdict(), race_verdict::timed_out);
}

TEST(race_cell, counts_the_most_contenders_it_promises) {
  race_cell cell(race_cell::most, race_cell::most);
  EXPECT_EQ(cell.claim(), 0U);
  EXPECT_TRUE(cell.fail());
  EXPECT_EQ(cell.verdict(), race_verdict::failed);
}

/// A race of two contenders and somebody who gives up, against a waiter that destroys it.
struct round {
  round(unsigned contenders, unsigned wanted) : cell(contenders, wanted), values(contenders, 0) {}
  race_cell cell;
  latch over;
  std::vector<int> values;            // plain: the cell and the latch must order them
  std::array<unsigned, 2> winners{};  // plain, as above
};

/// Two contenders, one canceller, one waiter; counts how often each call said "I decided".
void play(unsigned wanted, bool second_fails, int rounds) {
  std::barrier line(4);
  std::unique_ptr<round> now;
  std::array<int, 3> decisions{};
  int bad = 0;
  const auto contend = [&](unsigned me) {
    for (int k = 0; k < rounds; ++k) {
      line.arrive_and_wait();
      round& r = *now;
      bool decided = false;
      if (second_fails && me == 1) {
        decided = r.cell.fail();
      } else {
        r.values[me] = k + 1;
        if (const auto place = r.cell.claim()) {
          r.winners[*place] = me;
          decided = r.cell.publish();
        } else {
          r.values[me] = -1;  // a loser's own: nobody else may look at it
        }
      }
      decisions[me] = decided;
      if (decided) r.over.set();
      line.arrive_and_wait();
    }
  };
  std::thread first(contend, 0U);
  std::thread second(contend, 1U);
  std::thread canceller([&] {
    for (int k = 0; k < rounds; ++k) {
      line.arrive_and_wait();
      round& r = *now;
      decisions[2] = r.cell.close(race_verdict::cancelled);
      if (decisions[2] != 0) r.over.set();
      line.arrive_and_wait();
    }
  });
  for (int k = 0; k < rounds; ++k) {
    now = std::make_unique<round>(2, wanted);
    line.arrive_and_wait();
    now->over.wait();
    if (now->cell.verdict() == race_verdict::won) {
      for (unsigned place = 0; place < wanted; ++place) {
        if (now->values[now->winners[place]] != k + 1) ++bad;
      }
    }
    line.arrive_and_wait();
    if (decisions[0] + decisions[1] + decisions[2] != 1) ++bad;
  }
  first.join();
  second.join();
  canceller.join();
  EXPECT_EQ(bad, 0);
}

TEST(race_cell, two_contenders_and_a_canceller_decide_exactly_once) { play(1, false, 3000); }
TEST(race_cell, both_places_are_published_before_anybody_reads_them) { play(2, false, 3000); }
TEST(race_cell, winner_failure_and_canceller_decide_exactly_once) { play(2, true, 3000); }

}  // namespace
