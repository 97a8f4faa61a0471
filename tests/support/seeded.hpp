#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

/// \file
/// Randomness that can be replayed: every failing test prints the seed of the process, and
/// FILCH_TEST_SEED=<seed> makes the same numbers again.

namespace filch_test {

/// The seed of this process: FILCH_TEST_SEED where it is set, else a new one.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    if (const char* given = std::getenv("FILCH_TEST_SEED")) {
      return static_cast<std::uint64_t>(std::strtoull(given, nullptr, 0));
    }
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  return value;
}

/// "suite.test" of the running test; empty between tests.
inline std::string current_test() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  return info ? std::string(info->test_suite_name()) + "." + info->name() : std::string();
}

/// Random numbers of one test; independent of which other tests ran before it, and different for
/// each `salt` (a thread's number, say).
inline std::mt19937_64 seeded(std::uint64_t salt = 0) {
  std::uint64_t mixed = seed() + 0x9e3779b97f4a7c15U * (salt + 1);
  for (const char c : current_test()) {
    mixed = (mixed ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return std::mt19937_64(mixed);
}

/// Prints how to replay each test that failed; main() adds one to gtest.
class seed_printer final : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& test) override {
    if (test.result()->Failed()) {
      std::printf("[   SEED   ] FILCH_TEST_SEED=%llu --gtest_filter=%s.%s\n",
                  static_cast<unsigned long long>(seed()), test.test_suite_name(), test.name());
    }
  }
};

}  // namespace filch_test
