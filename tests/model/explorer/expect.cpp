#include "expect.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace model {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void tell(const char* how, const verdict& found) {
  std::printf("[ explored ] %s: %" PRIu64 " schedules%s, %.2f s\n", how, found.schedules,
              found.complete ? ", complete" : "", found.seconds);
  std::fflush(stdout);
}

std::string failure_text(const program& tested, const plan& wanted, const verdict& found) {
  const auto simple = simplified(tested, wanted.limits, found.choices);
  replay_choices(tested, wanted.limits, simple);
  return found.problem + "\nreplay: FILCH_MODEL_CHOICES=" + (simple.empty() ? "0" : simple) +
         " and --gtest_filter= with this test" +
         (found.seed ? "; found as FILCH_MODEL_SEED=" + std::to_string(found.seed) : "");
}

/// True if the environment asked for one schedule instead of a search.
bool replayed(const program& tested, const plan& wanted) {
  verdict found;
  if (const char* choices = std::getenv("FILCH_MODEL_CHOICES")) {
    found = replay_choices(tested, wanted.limits, choices);
  } else if (const char* seed = std::getenv("FILCH_MODEL_SEED")) {
    found = replay_seed(tested, wanted.limits, std::strtoull(seed, nullptr, 10));
  } else {
    return false;
  }
  EXPECT_EQ(found.problem, "") << "in the replay above";
  return true;
}

}  // namespace

void expect_clean(const program& tested, plan wanted) {
  if (replayed(tested, wanted)) return;
  auto& bound = wanted.limits.preemptions;
  const auto asked = static_cast<int>(from_environment("FILCH_MODEL_BOUND", 0));
  bound = std::max(bound, std::min(asked, wanted.widest));
  const auto most = from_environment("FILCH_MODEL_MOST", wanted.most);
  const auto all = search_all(tested, wanted.limits, most);
  tell(("all with at most " + std::to_string(bound) + " preemptions").c_str(), all);
  ASSERT_EQ(all.problem, "") << failure_text(tested, wanted, all);
  EXPECT_TRUE(all.complete) << "the search was given up: raise FILCH_MODEL_MOST or lower the bound";
  const auto some = search_random(
      tested, wanted.limits, from_environment("FILCH_MODEL_SCHEDULES", wanted.random_schedules),
      wanted.seed);
  tell("random", some);
  ASSERT_EQ(some.problem, "") << failure_text(tested, wanted, some);
}

void expect_found(const program& tested, plan wanted, const std::string& word) {
  const auto all = search_all(tested, wanted.limits, wanted.most);
  EXPECT_NE(all.problem.find(word), std::string::npos)
      << "exhaustive search: '" << all.problem << "' after " << all.schedules;
  const auto some = search_random(tested, wanted.limits, wanted.random_schedules, wanted.seed);
  ASSERT_NE(some.problem.find(word), std::string::npos)
      << "random search: '" << some.problem << "' after " << some.schedules;
  const auto simple = simplified(tested, wanted.limits, some.choices);
  testing::internal::CaptureStdout();
  const auto by_seed = replay_seed(tested, wanted.limits, some.seed);
  const auto by_choices = replay_choices(tested, wanted.limits, simple);
  const auto trace = testing::internal::GetCapturedStdout();
  EXPECT_EQ(by_seed.problem, some.problem);
  EXPECT_FALSE(by_choices.problem.empty()) << simple;
  EXPECT_NE(trace.find(some.problem), std::string::npos) << trace;
}

}  // namespace model
