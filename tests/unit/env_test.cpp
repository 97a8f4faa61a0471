#include "base/env.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>

#include "base/warn.hpp"

namespace {

using filch::detail::env_unsigned;
using filch::detail::env_word;
using filch::detail::parse_unsigned;
using filch::detail::printable;
using filch::detail::warn;
using filch::detail::warn_once;
using testing::AllOf;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

constexpr const char* name = "FILCH_TEST_VARIABLE";

class variable {
 public:
  explicit variable(const std::string& value) { setenv(name, value.c_str(), 1); }
  ~variable() { unsetenv(name); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;
};

struct reading {
  std::optional<unsigned> value;
  std::string warning;
};

reading read_number(const std::string& text, unsigned lowest = 1, unsigned highest = 4096) {
  const variable set(text);
  CaptureStderr();
  reading seen;
  seen.value = env_unsigned(name, lowest, highest);
  seen.warning = GetCapturedStderr();
  return seen;
}

TEST(env, an_unset_variable_says_nothing) {
  CaptureStderr();
  EXPECT_EQ(env_unsigned(name, 1, 4096), std::nullopt);
  EXPECT_EQ(env_word(name, {"a", "b"}), std::nullopt);
  EXPECT_EQ(GetCapturedStderr(), "");
}

TEST(env, an_empty_variable_counts_as_unset) {
  const reading seen = read_number("");
  EXPECT_EQ(seen.value, std::nullopt);
  EXPECT_EQ(seen.warning, "");
}

TEST(env, a_number_in_the_range_is_taken_silently) {
  for (const unsigned number : {1U, 2U, 4096U}) {
    const reading seen = read_number(std::to_string(number));
    EXPECT_EQ(seen.value, number);
    EXPECT_EQ(seen.warning, "");
  }
  EXPECT_EQ(read_number("007").value, 7U);
}

TEST(env, anything_else_is_a_warning_of_one_line_and_the_default) {
  for (const std::string text :
       {"0", "4097", "-1", "+4", " 4", "4 ", "4x", "x4", "4.0", "0x4", "1e3", "four", "4\n", "\x01",
        "99999999999999999999999999", "\xff\xfe", "4,5"}) {
    const reading seen = read_number(text);
    EXPECT_EQ(seen.value, std::nullopt) << text;
    EXPECT_THAT(seen.warning, AllOf(testing::StartsWith("filch: "), HasSubstr(name),
                                    HasSubstr(printable(text)), HasSubstr("1 to 4096")));
    EXPECT_EQ(seen.warning.find('\n'), seen.warning.size() - 1) << text;
  }
}

TEST(env, a_value_of_more_than_256_bytes_is_refused_and_shown_cut) {
  EXPECT_EQ(read_number(std::string(255, '0') + "4").value, 4U);
  const reading seen = read_number(std::string(256, '0') + "4");
  EXPECT_EQ(seen.value, std::nullopt);
  EXPECT_LT(seen.warning.size(), 256U);
}

TEST(env, a_word_of_the_list_is_taken_and_no_other) {
  {
    const variable set("serial");
    EXPECT_EQ(env_word(name, {"native", "tbb", "serial"}), "serial");
  }
  for (const std::string text : {"Serial", "seria", "serial ", "serial,tbb", "\x1b[31m"}) {
    const variable set(text);
    CaptureStderr();
    EXPECT_EQ(env_word(name, {"native", "tbb", "serial"}), std::nullopt);
    const std::string warning = GetCapturedStderr();
    EXPECT_THAT(warning, AllOf(HasSubstr(name), HasSubstr("one of native, tbb, serial")));
    EXPECT_EQ(warning.find('\x1b'), std::string::npos);
  }
}

TEST(env, parsing_reaches_the_ends_of_the_type) {
  constexpr unsigned most = std::numeric_limits<unsigned>::max();
  EXPECT_EQ(parse_unsigned("4294967295", 0, most), most);
  EXPECT_EQ(parse_unsigned("4294967296", 0, most), std::nullopt);
  EXPECT_EQ(parse_unsigned("0", 0, most), 0U);
  EXPECT_EQ(parse_unsigned("", 0, most), std::nullopt);
}

TEST(env, printable_escapes_what_a_terminal_would_obey) {
  EXPECT_EQ(printable("plain text"), "plain text");
  EXPECT_EQ(printable("a\"b\\c"), "a\\\"b\\\\c");
  EXPECT_EQ(printable("\x1b\n\x7f\xc3"), "\\x1b\\x0a\\x7f\\xc3");
  EXPECT_EQ(printable(std::string(65, 'x')), std::string(64, 'x') + "...");
}

TEST(warn, writes_one_prefixed_line) {
  CaptureStderr();
  warn("two\nlines and a \t tab");
  EXPECT_EQ(GetCapturedStderr(), "filch: two lines and a   tab\n");
}

TEST(warn, cuts_a_long_line) {
  CaptureStderr();
  warn(std::string(5000, 'x'));
  const std::string line = GetCapturedStderr();
  EXPECT_EQ(line.size(), 1024U);
  EXPECT_THAT(line, testing::EndsWith("x...\n"));
}

TEST(warn, leaves_errno_alone) {
  CaptureStderr();
  errno = 77;
  warn("text");
  EXPECT_EQ(errno, 77);
  GetCapturedStderr();
}

TEST(warn, once_means_once_a_flag) {
  std::atomic_flag first;
  std::atomic_flag second;
  CaptureStderr();
  warn_once(first, "a");
  warn_once(first, "b");
  warn_once(second, "c");
  EXPECT_EQ(GetCapturedStderr(), "filch: a\nfilch: c\n");
}

}  // namespace
