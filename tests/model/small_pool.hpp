#pragma once

#include <sched/crew.hpp>

#include <array>
#include <bit>
#include <cstddef>

#include "explorer/expect.hpp"
#include "forks.hpp"

/// The smallest pool around the product's crew and split deque: one thread that forks, a queue of
/// numbered jobs, workers that search, sleep and are woken. Who takes, robs and joins does so in
/// the order of core/src/sched; the crew's steps are the product's own.
namespace small_pool {

using model::atomic;
using model::require;
using latch = filch::detail::basic_latch<model::atomics>;

constexpr auto relaxed = std::memory_order_relaxed;

/// `Jobs` counts forks and queued jobs together; they have the numbers 1 .. Jobs.
template <unsigned Width, std::size_t Jobs>
struct pool : forks::owner_and_thieves<> {
  filch::detail::crew<pool, model::atomics> crew{*this, Width};
  atomic<unsigned> queue{0};  // a bit for each queued job
  atomic<int> over{0};
  /// Opened by each job as it runs.
  std::array<latch, Jobs + 1> ran;
  std::array<bool, model::max_threads> searching{};

  virtual ~pool() = default;

  // ---- what the crew asks

  bool sees_queued() const { return queue.load(relaxed) != 0; }
  bool sees_forks() const { return !deque.looks_empty(); }
  void ask_for_forks() { deque.ask(); }
  bool ask_for_good() { return deque.ask_for_good(); }
  bool wants_stand_in() const { return false; }
  void call_others(std::size_t /*n*/) {}
  void watch() const {}

  // ---- jobs

  /// What job or half `n` does besides.
  virtual void work_of(int n) { ran[static_cast<std::size_t>(n)].set(); }

  void put(int n) { queue.fetch_or(1U << n, std::memory_order_release); }
  void submit(int n) {
    put(n);
    crew.wake(1);
  }
  bool take(int& n) {
    auto seen = queue.load(relaxed);
    while (seen != 0) {
      n = std::countr_zero(seen);
      if (queue.compare_exchange_strong(seen, seen & (seen - 1), std::memory_order_acq_rel,
                                        relaxed)) {
        require(++runs[static_cast<std::size_t>(n)] == 1, "a job ran twice");
        return true;
      }
    }
    return false;
  }
  void wait_for(int n) { ran[static_cast<std::size_t>(n)].wait(); }

  /// Offers half `n`, and stays in the left one until somebody else has run it; `left` comes
  /// before that wait.
  template <class Left>
  void fork_and_meet(int n, Left left) {
    forks::half& right = begin(n);
    deque.push(&right);
    if (deque.asked()) {
      deque.answer(false);
      crew.wake_for_forks();
    }
    left();
    wait_for(n);
    join(right, n);
    end(n);
  }
  /// A fork that its owner may join by itself.
  void fork_alone(int n) {
    forks::half& right = begin(n);
    deque.push(&right);
    if (deque.asked()) {
      deque.answer(false);
      crew.wake_for_forks();
    }
    join(right, n);
    end(n);
  }
  /// Everything has run.
  void stop() {
    over.store(1, relaxed);
    crew.wake_all();
  }

  // ---- workers

  bool& mark(int me) { return searching[static_cast<std::size_t>(me)]; }
  bool rob(int me) {
    forks::half* half = nullptr;
    deque_type::index at = 0;
    bool got = deque.steal(half, at, &names[me]);
    if (!got && !deque.asked()) {
      deque.ask();
    } else if (!got) {
      got = deque.force(half, at, &names[me]);
    }
    if (!got) return false;
    crew.end_search(mark(me));
    const int n = half->number.read();
    run(*half);
    work_of(n);
    half->thief.write(&names[me]);
    crew.begin_search(mark(me));
    deque.done(at).set();
    return true;
  }
  bool run_one(int me) {
    int n = 0;
    if (take(n)) {
      crew.end_search(mark(me));
      work_of(n);
      return true;
    }
    return !crew.crowded(1) && rob(me);
  }
  void park(int me) {
    crew.announce_sleep(mark(me));
    const bool stays = over.load(relaxed) != 0 || crew.is_needed();
    if (stays) {
      crew.withdraw(mark(me));
      model::the_machine.pause();
    } else {
      crew.sleep(mark(me));
    }
  }
  void work(int me) {
    crew.one_more();
    while (over.load(relaxed) == 0) {
      crew.begin_search(mark(me));
      if (!run_one(me)) park(me);
    }
    crew.leave(mark(me));
  }
};

}  // namespace small_pool
