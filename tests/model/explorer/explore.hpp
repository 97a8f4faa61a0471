#pragma once

#include <cstdint>
#include <string>

#include "machine.hpp"

namespace model {

/// A class as a program: its constructor, `thread(i)` for each of its `threads`, `after()`.
template <class P>
program program_of() {
  return {P::threads, []() -> void* { return new P; },
          [](void* object, int index) { static_cast<P*>(object)->thread(index); },
          [](void* object) {
            auto* tested = static_cast<P*>(object);
            if constexpr (requires { tested->after(); }) tested->after();
            delete tested;
          }};
}

/// What a search came to.
struct verdict {
  std::string problem;  // empty: none
  std::uint64_t schedules = 0;
  bool complete = false;  // exhaustive searches: every schedule within the bounds was seen
  std::uint64_t seed = 0;
  std::string choices;  // the failed schedule's, for `replay`
  double seconds = 0;
};

/// Every schedule within the bounds, but at most `most`.
verdict search_all(const program& tested, const rules& limits, std::uint64_t most);

/// Random schedules, the n-th by `mixed(seed, n)`; preemptions and stale reads are not bounded.
verdict search_random(const program& tested, const rules& limits, std::uint64_t schedules,
                      std::uint64_t seed);

/// One schedule again, with each of its steps printed: by the seed of a random schedule, or by
/// the choices of any.
verdict replay_seed(const program& tested, const rules& limits, std::uint64_t seed);
verdict replay_choices(const program& tested, const rules& limits, const std::string& choices);

/// Choices that still fail, with as many of them 0 as a simple search finds: a schedule with few
/// interruptions and few old values is easier to read.
std::string simplified(const program& tested, const rules& limits, const std::string& choices);

}  // namespace model
