#include <filch/detail/stream_flight.hpp>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using filch::detail::stream_flight;
using filch::detail::stream_place;

/// Items with one-letter keys, as a stream lets them go.
class flights {
 public:
  flights(std::size_t most, std::size_t per_key) : flight_(most, per_key) {}

  /// Adds an item for each letter; '-' is one without a key.
  void read(const std::string& keys) {
    for (const char key : keys) {
      auto& item = items_.emplace_back();
      key == '-' ? flight_.line_up(item) : flight_.line_up(item, std::string(1, key));
      if (flight_.admit(item)) note(item);
    }
  }
  void end(std::size_t i, bool well = true) {
    flight_.ended(items_[i], well);
    go_on();
  }
  bool put_back(std::size_t i) {
    if (flight_.is_alone(items_[i])) return false;
    flight_.put_back(items_[i]);
    go_on();
    return true;
  }
  /// Which items were let go since the last question, in order.
  std::vector<std::size_t> began() { return std::exchange(began_, {}); }
  stream_flight& flight() { return flight_; }

 private:
  void go_on() {
    while (auto* next = flight_.next()) note(*next);
  }
  void note(const stream_place& item) {
    const auto at = std::ranges::find_if(items_, [&](const auto& x) { return &x == &item; });
    began_.push_back(static_cast<std::size_t>(at - items_.begin()));
  }
  stream_flight flight_;
  std::deque<stream_place> items_;
  std::vector<std::size_t> began_;
};

using list = std::vector<std::size_t>;

TEST(stream_flight, lets_so_many_go_at_once_and_the_next_as_one_ends) {
  flights f(2, 0);
  f.read("----");
  EXPECT_EQ(f.began(), (list{0, 1}));
  f.end(1);
  EXPECT_EQ(f.began(), (list{2}));
  f.end(0, false);
  f.end(2);
  EXPECT_EQ(f.began(), (list{3}));
  f.end(3);
  EXPECT_EQ(f.flight().running(), 0U);
}

TEST(stream_flight, lets_no_key_at_its_limit_hold_up_another) {
  flights f(4, 1);
  f.read("aaab");
  EXPECT_EQ(f.began(), (list{0, 3}));
  f.read("bc");
  EXPECT_EQ(f.began(), (list{5}));
  f.end(0);
  EXPECT_EQ(f.began(), (list{1}));
}

TEST(stream_flight, starts_items_of_a_key_in_their_order_and_gives_each_key_its_turn) {
  flights f(2, 2);
  f.read("aabbaabb");
  EXPECT_EQ(f.began(), (list{0, 1}));
  f.end(0);
  EXPECT_EQ(f.began(), (list{2})) << "b waited first";
  f.end(1);
  EXPECT_EQ(f.began(), (list{4})) << "a has become ready before b's second";
  f.end(2);
  EXPECT_EQ(f.began(), (list{3}));
  f.end(3);
  EXPECT_EQ(f.began(), (list{5}));
}

TEST(stream_flight, forgets_a_key_when_none_of_it_is_left) {
  flights f(8, 1);
  for (char key = 'a'; key <= 'z'; ++key) {
    f.read(std::string(2, key));
    const auto n = static_cast<std::size_t>(key - 'a') * 2;
    EXPECT_EQ(f.flight().keys(), 1U);
    f.end(n);
    f.end(n + 1);
  }
  EXPECT_EQ(f.flight().keys(), 0U);
}

TEST(stream_flight, halves_its_limit_once_for_all_that_were_in_the_air) {
  flights f(64, 0);
  f.read(std::string(64, '-'));
  f.began();
  EXPECT_TRUE(f.put_back(10));
  EXPECT_EQ(f.flight().limit(), 32U);
  for (std::size_t i = 11; i < 31; ++i) EXPECT_TRUE(f.put_back(i));
  EXPECT_EQ(f.flight().limit(), 32U);
  EXPECT_EQ(f.flight().running(), 43U);
  EXPECT_TRUE(f.began().empty());
  for (std::size_t i = 31; i < 43; ++i) f.end(i);
  ASSERT_EQ(f.began().size(), 1U) << "below the limit again, the last that was put back goes first";
  EXPECT_TRUE(f.put_back(30)) << "and fails again";
  EXPECT_EQ(f.flight().limit(), 16U);
}

TEST(stream_flight, grows_again_slowly) {
  flights f(8, 0);
  f.read(std::string(8, '-'));
  EXPECT_TRUE(f.put_back(7));
  ASSERT_EQ(f.flight().limit(), 4U);
  for (std::size_t i = 0; i < 4; ++i) f.end(i);
  EXPECT_EQ(f.flight().limit(), 5U);
  for (std::size_t i = 4; i < 7; ++i) f.end(i);
  f.end(7);
  f.read("---------------------");
  for (std::size_t i = 8; i < 29; ++i) f.end(i);
  EXPECT_EQ(f.flight().limit(), 8U);
  f.read("-");
  f.end(29);
  EXPECT_EQ(f.flight().limit(), 8U) << "no further than it was";
}

TEST(stream_flight, puts_nothing_back_that_had_it_all_to_itself) {
  flights f(4, 0);
  f.read("--");
  EXPECT_TRUE(f.put_back(1));
  EXPECT_EQ(f.flight().limit(), 1U);
  EXPECT_TRUE(f.put_back(0)) << "it was not alone when it began";
  EXPECT_EQ(f.began(), (list{0, 1, 0})) << "alone now";
  EXPECT_FALSE(f.put_back(0));
  f.end(0, false);
  EXPECT_EQ(f.began(), (list{1}));
  EXPECT_FALSE(f.put_back(1));
}

TEST(stream_flight, lets_nobody_go_who_was_forgotten) {
  flights f(1, 1);
  f.read("aab");
  f.began();
  f.flight().forget_waiting();
  f.end(0);
  EXPECT_TRUE(f.began().empty());
  EXPECT_EQ(f.flight().running(), 0U);
}

}  // namespace
