#include "explore.hpp"

#include <chrono>

namespace model {
namespace {

class stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

bool run_once(const program& tested, const rules& limits, chooser& choices, verdict& found,
              bool trace = false) {
  ++found.schedules;
  const char* problem = the_machine.run(tested, limits, choices, trace);
  if (!problem) return true;
  found.problem = problem;
  found.choices = choices.spelled();
  return false;
}

rules without_bounds(rules limits) {
  limits.preemptions = limits.stale_reads = rules::any;
  return limits;
}

}  // namespace

verdict search_all(const program& tested, const rules& limits, std::uint64_t most) {
  const stopwatch watch;
  chooser choices;
  verdict found;
  choices.begin_exhaustive();
  while (run_once(tested, limits, choices, found)) {
    if (!choices.next()) {
      found.complete = true;
      break;
    }
    if (found.schedules >= most) break;
  }
  found.seconds = watch.seconds();
  return found;
}

verdict search_random(const program& tested, const rules& limits, std::uint64_t schedules,
                      std::uint64_t seed) {
  const stopwatch watch;
  const auto free = without_bounds(limits);
  chooser choices;
  verdict found;
  for (std::uint64_t n = 0; n < schedules; ++n) {
    found.seed = mixed(seed, n);
    choices.begin_random(found.seed);
    if (!run_once(tested, free, choices, found)) break;
  }
  found.seconds = watch.seconds();
  return found;
}

verdict replay_seed(const program& tested, const rules& limits, std::uint64_t seed) {
  chooser choices;
  verdict found;
  found.seed = seed;
  choices.begin_random(seed);
  run_once(tested, without_bounds(limits), choices, found, true);
  return found;
}

verdict replay_choices(const program& tested, const rules& limits, const std::string& text) {
  chooser choices;
  verdict found;
  choices.begin_replay(text);
  run_once(tested, without_bounds(limits), choices, found, true);
  return found;
}

std::string simplified(const program& tested, const rules& limits, const std::string& text) {
  const auto free = without_bounds(limits);
  chooser choices;
  const auto fails = [&](const std::string& candidate, std::string& spelled) {
    verdict found;
    choices.begin_replay(candidate);
    if (run_once(tested, free, choices, found)) return false;
    spelled = found.choices;
    return true;
  };
  std::string best = text;
  for (bool better = true; better;) {
    better = false;
    for (std::size_t i = 0; i < best.size(); ++i) {
      if (best[i] == '0') continue;
      auto candidate = best;
      candidate[i] = '0';
      std::string spelled;
      if (!fails(candidate, spelled) || spelled.size() > best.size()) continue;
      better = better || spelled.size() < best.size();
      best = spelled.size() < best.size() ? spelled : candidate;
    }
  }
  return best;
}

}  // namespace model
