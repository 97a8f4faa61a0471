#pragma once

#include <cstdint>
#include <string>

#include "explore.hpp"

namespace model {

/// What one program must stand. The environment may ask for more:
///   FILCH_MODEL_BOUND=n      search exhaustively with at least n preemptions
///   FILCH_MODEL_SCHEDULES=n  so many random schedules
///   FILCH_MODEL_MOST=n       give an exhaustive search up after so many schedules
///   FILCH_MODEL_SEED=n       replay this schedule instead, step by step
///   FILCH_MODEL_CHOICES=text replay this schedule instead, step by step
struct plan {
  rules limits;
  /// The most preemptions that the environment may ask for; a wider search would not end.
  int widest = 3;
  std::uint64_t random_schedules = 100'000;
  std::uint64_t most = 5'000'000;
  std::uint64_t seed = 1;
};

/// A gtest assertion: every schedule within the bounds is clean, and all of them were seen, and
/// so many random ones are.
void expect_clean(const program& tested, plan wanted);

/// A gtest assertion: a search with these bounds finds a problem whose text contains `word`, and
/// its choices and its seed lead to it again.
void expect_found(const program& tested, plan wanted, const std::string& word);

template <class P>
void expect_clean(const plan& wanted = {}) {
  expect_clean(program_of<P>(), wanted);
}
template <class P>
void expect_found(const std::string& word, const plan& wanted = {}) {
  expect_found(program_of<P>(), wanted, word);
}

}  // namespace model
