#include "harness/statistics.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "harness/paired.hpp"

namespace filch::bench {
namespace {

TEST(statistics, quantile_is_an_element_that_so_many_do_not_exceed) {
  std::vector<double> thousand;
  for (int i = 1000; i > 0; --i) thousand.push_back(i);
  EXPECT_EQ(quantile(thousand, 0.99), 990);
  EXPECT_EQ(quantile(thousand, 0.5), 500);
  EXPECT_EQ(quantile(thousand, 0.0), 1);
  EXPECT_EQ(quantile(thousand, 1.0), 1000);
  EXPECT_EQ(quantile({}, 0.5), 0);
}

TEST(statistics, median_of_an_even_count_lies_between_the_middle_two) {
  EXPECT_EQ(median_interval({4, 1, 3, 2}).median, 2.5);
  EXPECT_EQ(median_interval({3, 1, 2}).median, 2);
}

// The ranks that tables of the sign test give for 95 %, counted from 0.
TEST(statistics, interval_has_the_ranks_of_the_sign_test) {
  EXPECT_EQ(lower_rank(6), 0U);
  EXPECT_EQ(lower_rank(9), 1U);
  EXPECT_EQ(lower_rank(20), 5U);
  EXPECT_EQ(lower_rank(31), 9U);
  EXPECT_EQ(lower_rank(101), 40U);
}

TEST(statistics, interval_of_a_tiny_sample_is_the_whole_sample) {
  const auto i = median_interval({2, 1, 3});
  EXPECT_EQ(i.low, 1);
  EXPECT_EQ(i.high, 3);
}

TEST(statistics, interval_encloses_the_true_median_about_as_often_as_it_says) {
  std::mt19937 random(20260131);
  std::exponential_distribution<double> skewed(1.0);
  const double truth = 0.6931471805599453;
  int enclosed = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> sample(31);
    for (auto& x : sample) x = skewed(random);
    const auto i = median_interval(sample);
    if (i.low <= truth && truth <= i.high) ++enclosed;
  }
  EXPECT_GT(enclosed, 1880);
  EXPECT_LT(enclosed, 1970);
}

TEST(turns, every_contender_runs_once_a_turn_and_back_and_forth) {
  std::string order;
  const auto runs = [&order](char name) {
    return contender{std::string(1, name), [&order, name] {
                       order += name;
                       return seconds(1);
                     }};
  };
  progress_line quiet;
  const auto all =
      run_in_turns({runs('a'), runs('b')},
                   {.warm_up = 1, .measured = 3, .pause = std::chrono::milliseconds(0)}, quiet);
  EXPECT_EQ(order, "abbaabba");
  EXPECT_EQ(named(all, "b").times.size(), 3U);
}

TEST(turns, a_drift_of_the_machine_falls_out_of_the_ratio) {
  const auto r = compare({"a", {1, 2, 4, 8, 16, 32}}, {"b", {2, 4, 8, 16, 32, 64}});
  EXPECT_EQ(r.of_median.median, 0.5);
  EXPECT_EQ(r.of_median.low, 0.5);
  EXPECT_EQ(r.of_median.high, 0.5);
}

}  // namespace
}  // namespace filch::bench
