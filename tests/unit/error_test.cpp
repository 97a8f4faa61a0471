#include <filch/error.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace {

std::exception_ptr failure(const char* text) {
  return std::make_exception_ptr(std::runtime_error(text));
}

TEST(error, every_refusal_is_caught_as_filch_error) {
  EXPECT_THROW(throw filch::cancelled(), filch::error);
  EXPECT_THROW(throw filch::pool_closed("closed"), filch::error);
  EXPECT_THROW(throw filch::errors_list({{2, failure("boom")}}), filch::error);
}

TEST(error, list_names_the_count_and_the_first_failure) {
  const filch::errors_list two({{3, failure("boom")}, {7, failure("late")}});
  EXPECT_STREQ(two.what(), "filch: the call collected 2 failures; the first, at index 3: boom");
  ASSERT_EQ(two.errors().size(), 2U);
  EXPECT_EQ(two.errors()[1].index, 7U);
}

TEST(error, of_many_failures_the_most_frequent_kind_is_told_too) {
  std::vector<filch::item_error> of_two_kinds{{0, failure("slow")}};
  for (std::size_t i = 1; i < 9; ++i) {
    of_two_kinds.push_back({i, std::make_exception_ptr(filch::rejected("full"))});
  }
  EXPECT_STREQ(
      filch::race_failed(of_two_kinds).what(),
      "filch: no contender of the race succeeded: 9 failures; the first, at index 0: slow; "
      "8 are of another kind, such as at index 1: full");
}

TEST(error, race_failed_speaks_of_one_failure_in_the_singular) {
  const filch::race_failed one({{0, failure("boom")}});
  EXPECT_STREQ(one.what(),
               "filch: no contender of the race succeeded: 1 failure; the first, at index 0: boom");
}

TEST(error, describe_has_words_for_everything_that_can_be_thrown) {
  EXPECT_EQ(filch::describe(failure("boom")), "boom");
  EXPECT_EQ(filch::describe(nullptr), "no exception");
  EXPECT_EQ(filch::describe(std::make_exception_ptr(42)),
            "an exception that is not a std::exception");
}

}  // namespace
