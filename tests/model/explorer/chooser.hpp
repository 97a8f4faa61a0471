#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace model {

/// What a choice is about; a random search weighs them differently.
enum class choice : std::uint8_t {
  preempt,  ///< 0: this thread goes on; else another one runs first
  next,     ///< which thread runs, now that this one cannot
  read,     ///< 0: the newest store; else an older one that the memory model allows
  place,    ///< 0: the newest place in the modification order; else an older one
  chance    ///< 0: nothing odd; 1: a spurious failure or wake-up
};

/// Decides whatever a schedule leaves open, and remembers what it decided. With the same
/// decisions everything happens again.
class chooser {
 public:
  /// Every schedule, one after the other.
  void begin_exhaustive();
  /// Goes on to the next schedule; false when all were seen.
  bool next();
  /// One schedule by this seed.
  void begin_random(std::uint64_t seed);
  /// The decisions that `text` spells, then always 0.
  void begin_replay(const std::string& text);

  /// A number below `among`; an exhaustive search tries only those below `allowed`.
  int choose(choice about, int among, int allowed);

  /// The decisions of the current schedule, for `begin_replay`.
  std::string spelled() const;

 private:
  enum class mode : std::uint8_t { exhaustive, random, replay };
  struct decision {
    std::uint8_t taken;
    std::uint8_t among;
  };

  std::uint64_t random();
  int decide(choice about, int among);

  mode mode_ = mode::exhaustive;
  std::vector<decision> path_;
  std::size_t at_ = 0;
  std::uint64_t random_ = 1;
  // Of 256: how often a random schedule preempts, and how often it is odd about memory.
  std::uint32_t preempts_ = 0;
  std::uint32_t stale_ = 0;
};

/// A well mixed seed for the n-th schedule of a search.
std::uint64_t mixed(std::uint64_t seed, std::uint64_t n);

}  // namespace model
