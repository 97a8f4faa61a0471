#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "scale/machine.hpp"
#include "scale/policy.hpp"
#include "scale/routine.hpp"
#include "scale/slot.hpp"

namespace filch::bench::scale {

/// Why the owner's quick path was left.
enum class pause_of_walk { later, asked, stolen_or_public, ended };

/// What the pool runs on: each worker has a core of its own.
struct shape {
  unsigned workers = 2;
  unsigned sockets = 1;
  unsigned complexes = 1;  // on each socket
};

/// What happened, all threads together.
struct tally {
  std::uint64_t stolen = 0, stolen_far = 0, forced = 0, forces = 0, answers = 0, passed = 0;
  std::uint64_t parks = 0, wakes = 0, blocks = 0, spares = 0;
  std::uint64_t barriers_to_sleep = 0, barriers_of_finders = 0, barriers_of_blocked = 0;
};

/// The scheduler's policies, function by function as core/src/sched and core/src/pool/waiting.cpp
/// have them, on a simulated machine. What runs is the subclass's: `walk` is the owner's path.
/// Each look at another core's line, exchange, barrier and system call costs what costs.json says.
class scheduler {
 public:
  scheduler(const costs& c, const policy& p, const shape& on, std::uint32_t seed);
  virtual ~scheduler() = default;
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  /// One call from outside on a pool that sleeps: the time until its caller is awake again.
  double run();
  const tally& counts() const noexcept { return counts_; }
  std::uint64_t barriers() const noexcept { return machine_.barriers(); }
  std::uint64_t events() const noexcept { return machine_.events(); }

 protected:
  /// Runs `me`'s frames above `me.first_frame` until one of those things happens.
  virtual pause_of_walk walk(slot& me) = 0;
  /// Puts the root's frame, or a stolen half's, on top of `me`'s frames.
  virtual void put_root(slot& me) = 0;
  virtual void put_half(slot& me, const half& stolen) = 0;
  virtual unsigned frames_of(const slot& me) const noexcept = 0;
  /// The newest half is the owner's after all, or is over: its frame may go on.
  virtual void take_back(slot& me) = 0;
  virtual void joined(slot& me) = 0;

  machine machine_;
  const policy policy_;
  const unsigned width_;

 private:
  // forks and waits: forks.cpp, waiting.cpp
  routine<> run_frames(slot& me);
  routine<> run_half(slot& me, half& h, bool then_search);
  routine<> answer(slot& me);
  routine<bool> reclaim(slot& me);
  routine<> reclaim_or_wait(slot& me);
  routine<> wait_for(slot& me, half& h);
  routine<bool> run_below(slot& me, half& awaited);
  routine<> sleep_for(slot& me, half& h);
  routine<bool> look_for_forks(slot& me, slot& victim, bool& by_force);
  bool keeps_silent(slot& me, slot& victim);
  bool may_force(slot& me);
  routine<half*> take(slot& me, slot& victim, bool by_force);
  routine<half*> steal(slot& me, slot& victim);
  routine<half*> force(slot& me, slot& victim);
  half* taken(slot& me, slot& victim, unsigned place);
  routine<> pass_on(slot& me, half& h);
  half* take_passed(slot& me, half* wanted);
  bool has_passed(const half& h) const noexcept;

  // finding: scheduler.cpp
  routine<bool> run_one(slot& me);
  routine<bool> run_stolen(slot& me);
  routine<bool> run_group(slot& me, unsigned away, unsigned farthest);
  routine<bool> run_found(slot& me, slot& victim);
  unsigned stride(slot& me, unsigned n) const noexcept;
  void note_home(slot& me);
  routine<bool> find_for_a_while(slot& me);
  routine<> park(slot& me);
  routine<> work_and_park(slot& me);
  routine<> work_as_spare(slot& me);

  // the crew: crew.cpp
  routine<> wake(slot& me, int enough = 1);
  routine<bool> call_sleeper(slot& me);
  routine<> look_again(slot& me, std::uint64_t& counted);
  routine<bool> has_work(slot& me, std::uint64_t& counted);
  routine<bool> ask_all(slot& me, question as);
  routine<bool> is_needed(slot& me);
  routine<> sleep_until_called(slot& me);
  routine<> withdraw(slot& me);
  void is_up(slot& me, bool called);
  routine<> end_search(slot& me);
  void begin_search(slot& me);
  void give_up_search(slot& me);
  void add_active(slot& me, int n);
  bool crowded(slot& me, int without = 0);
  routine<bool> sees_queued(slot& me);
  routine<bool> sees_work(slot& me);
  void call_stand_in(slot& me);
  bool step_down(slot& me);

  // what things cost
  auto due(slot& me) noexcept { return machine_.due(me); }
  void spend(slot& me, double ns) noexcept { me.clock += ns; }
  void read(slot& me, line& l) noexcept { me.clock += l.read(machine_, me); }
  void write(slot& me, line& l) noexcept { me.clock += l.write(machine_, me); }
  void exchange(slot& me, line& l) noexcept {
    me.clock += l.write(machine_, me) + machine_.cost().exchange;
  }
  void fetch_from(slot& me, const slot& other, int lines) noexcept {
    me.clock += lines * machine_.distance(me.number, other.number);
  }
  void lock(slot& me, line& l) noexcept;

  slot& add_slot();
  void start(slot& s, routine<> what, double at);

  tally counts_;
  std::vector<std::unique_ptr<slot>> slots_;
  std::vector<sim_thread*> threads_;
  std::vector<routine<>> bodies_;
  const std::uint32_t seed_;
  double ended_at_ = 0;

  bool root_queued_ = false;
  line injected_line_, passed_line_;
  half* passed_ = nullptr;

  int searchers_ = 0, active_ = 0, deficit_ = 0;
  unsigned announced_ = 0, calls_ = 0;  // the event count: who may be called; calls unanswered
  std::vector<slot*> asleep_;
  std::vector<slot*> resting_;
  line searchers_line_, active_line_, sleep_line_, spares_line_, registry_line_, force_line_;
  double next_force_ = 0;
};

}  // namespace filch::bench::scale
