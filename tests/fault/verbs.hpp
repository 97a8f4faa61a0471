#pragma once

#include <span>
#include <stdexcept>

#include <filch/filch.hpp>

/// \file
/// Every verb once, for the tests that take memory or threads away from it.

namespace filch_test {

struct verb {
  const char* name;
  /// Calls the verb and looks at what it gave: throws `wrong_answer` if that is not right, else
  /// whatever the verb throws.
  void (*call)(const filch::pool& pool);
};

/// A verb said that it had done its work, and had not.
class wrong_answer : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Those of verbs.cpp, and those of waiting_verbs.cpp.
std::span<const verb> computing_verbs();
std::span<const verb> waiting_verbs();
std::span<const verb> verbs();

/// Calls the verb; true if it gave the right answer, false if it threw what a call without memory
/// or threads may throw: `bad_alloc`, or one of filch's named errors. Anything else passes.
bool try_verb(const verb& v, const filch::pool& pool);

/// Throws unless the pool runs jobs by several roads as if nothing had happened, and nothing that
/// belongs to the jobs before is left.
void require_usable(const filch::pool& pool);

}  // namespace filch_test
