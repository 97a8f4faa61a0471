#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "chooser.hpp"
#include "fiber.hpp"
#include "memory.hpp"

namespace model {

/// How far a search goes; bounds of choices hold in exhaustive searches only.
struct rules {
  static constexpr int any = std::numeric_limits<int>::max();

  /// How often a thread that could go on is interrupted.
  int preemptions = 2;
  /// How many reads may be of anything but the newest store.
  int stale_reads = any;
  /// How many compare_exchange_weak fail, and sleepers wake, for no reason. In every search.
  int oddities = 0;
  /// More operations than this mean that the program does not end. In every search.
  int steps = 3000;
  /// A heavy fence acts at once in all threads, as membarrier does on a machine whose compiler
  /// moves nothing. Else it reaches another thread at its next light fence, as P1202 has it, and
  /// a light fence that is missing is found.
  bool heavy_fence_is_immediate = false;
};

/// A program under test: an object, the threads that use it, and a look at it afterwards.
struct program {
  int threads;
  void* (*make)();
  void (*thread)(void* object, int index);
  void (*finish)(void* object);  // looks and destroys
};

/// Where an object believes to be registered. Read from memory that may have been given back, so
/// it is checked before it is used.
struct place {
  int id;
  const void* address;
};

/// The machine that runs a program once: its threads, its scheduler, its futexes, its memory.
/// Every operation of the program on it is a step, before which another thread may be chosen.
class machine {
 public:
  /// One schedule, as `choices` decides. Tells what went wrong, or null.
  const char* run(const program& tested, const rules& limits, chooser& choices, bool trace);

  /// Ends the schedule; returns to no caller on a model thread.
  [[noreturn]] void fail(const char* what);

  int create(const void* address, bool plain, std::uint64_t value);
  void destroy(place where);

  std::uint64_t load(place where, std::memory_order order);
  void store(place where, std::uint64_t value, std::memory_order order);
  /// Reads, lets `next` compute the new value, writes. Returns what was read.
  template <class Next>
  std::uint64_t update(place where, std::memory_order order, Next next) {
    const auto from = begin_update(where, order);
    const auto old = locations_[static_cast<std::size_t>(where.id)].history[from].value;
    end_update(where, from, next(old), order);
    return old;
  }
  struct exchange_orders {
    std::memory_order success;
    std::memory_order failure;
  };
  bool compare_exchange(place where, std::uint64_t& expected, std::uint64_t desired,
                        exchange_orders orders, bool weak);

  void fence(std::memory_order order);
  void light_fence();
  void heavy_fence();

  void wait(place where, std::uint64_t expected);
  void wake(const void* address, int count);

  /// A plain access; reports a race with any that did not happen before.
  void read_plain(place where);
  void write_plain(place where);

  /// The thread spins: others run first, and what it read before becomes visible at last.
  void pause();

  int current_thread() const { return me_; }

 private:
  struct thread_state {
    knowledge now;            // what its next access must heed
    knowledge acquired;       // what an acquire fence would add
    knowledge release_fence;  // what its relaxed stores hand on
    knowledge light_fence;    // what it knew at its last light fence
    fiber stack;
    const void* sleeps_on = nullptr;
    bool done = false;
    std::uint64_t polled = 0;  // locations read since its last pause
    std::uint64_t stores_at_pause = 0;
  };

  static void thread_entry();
  static void outside_entry();
  void reset(const program& tested, const rules& limits, chooser& choices, bool trace);

  // The scheduler.
  void step();
  int others_that_can_run(std::array<int, max_threads>& found) const;
  void run_another();
  void go_to(int thread);
  bool oddity();

  // The memory.
  thread_state& me() { return threads_[static_cast<std::size_t>(me_)]; }
  location& at(place where);
  void touch(location& l, bool writes);
  void check_races(const location& l, bool writes);
  stamp oldest_allowed(int id, std::memory_order order);
  std::size_t choose_store(int id, std::memory_order order);
  std::size_t choose_place(int id, std::memory_order order);
  std::size_t pick_candidate(choice about);
  void observe(int id, const store_record& seen, std::memory_order order);
  void append(int id, std::size_t after, std::uint64_t value, std::memory_order order,
              const knowledge* continued);
  std::size_t begin_update(place where, std::memory_order order);
  void end_update(place where, std::size_t from, std::uint64_t value, std::memory_order order);

  void note(const char* what, int id, std::uint64_t value, const char* more = "");

  std::array<thread_state, max_threads> threads_;
  std::array<location, max_locations> locations_;
  int used_ = 0;
  knowledge sc_;     // what the sequentially consistent fences so far knew
  knowledge heavy_;  // what the heavy fences so far knew
  int me_ = -1;      // -1: outside of the threads, before or after them
  // The running thread was chosen freely and has not made a step: no use to choose again.
  bool fresh_ = false;

  fiber root_;
  fiber outside_;
  program tested_{};
  void* object_ = nullptr;
  rules limits_;
  chooser* choices_ = nullptr;
  const char* failed_ = nullptr;
  bool trace_ = false;

  int steps_ = 0;
  int preemptions_ = 0;
  int stale_reads_ = 0;
  int oddities_ = 0;
  std::uint64_t stores_ = 0;
  std::array<std::size_t, 256> candidates_{};
  int candidate_count_ = 0;
};

/// The one machine of this process: what is under test finds it without being told.
extern machine the_machine;

/// What a program under test states; the text names the property.
inline void require(bool holds, const char* property) {
  if (!holds) the_machine.fail(property);
}

}  // namespace model
