#include <filch/outcome.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace {

using filch::outcome;

std::exception_ptr failure() { return std::make_exception_ptr(std::runtime_error("no")); }

TEST(outcome, holds_a_value) {
  outcome<std::string> o(std::in_place, "yes");
  EXPECT_TRUE(o.has_value());
  EXPECT_TRUE(o);
  EXPECT_EQ(*o, "yes");
  EXPECT_EQ(o->size(), 3U);
  EXPECT_EQ(o.value(), "yes");
  EXPECT_EQ(o.error(), nullptr);
  EXPECT_EQ(o.value_or("other"), "yes");
}

TEST(outcome, rethrows_what_the_item_threw) {
  const auto o = outcome<int>::failure(failure());
  EXPECT_FALSE(o.has_value());
  EXPECT_FALSE(o);
  EXPECT_NE(o.error(), nullptr);
  EXPECT_EQ(o.value_or(9), 9);
  EXPECT_THROW((void)o.value(), std::runtime_error);
}

TEST(outcome, gives_move_only_values_away) {
  outcome<std::unique_ptr<int>> o(std::make_unique<int>(4));
  const std::unique_ptr<int> taken = std::move(o).value();
  EXPECT_EQ(*taken, 4);
  static_assert(!std::is_copy_constructible_v<outcome<std::unique_ptr<int>>>);
}

TEST(outcome, tells_a_value_that_is_an_exception_from_a_failure) {
  const outcome<std::exception_ptr> value(failure());
  EXPECT_TRUE(value.has_value());
  EXPECT_EQ(value.error(), nullptr);
  const auto failed = outcome<std::exception_ptr>::failure(failure());
  EXPECT_FALSE(failed.has_value());
}

TEST(outcome, of_nothing_still_tells_failure) {
  EXPECT_NO_THROW(outcome<void>().value());
  EXPECT_TRUE(outcome<void>(std::in_place).has_value());
  const auto failed = outcome<void>::failure(failure());
  EXPECT_FALSE(failed);
  EXPECT_THROW(failed.value(), std::runtime_error);
}

}  // namespace
