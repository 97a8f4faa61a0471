#pragma once

#include <filch/detail/split_deque.hpp>

#include <array>
#include <optional>

#include "explorer/atomics.hpp"

/// Forks as core/include/filch/fork_join.hpp makes them, around the product's split deque.
namespace forks {

using model::checked;
using model::require;

/// The half of a fork that may be stolen. It lives in its caller's frame, so a thief that comes
/// too late uses a dead object.
struct half {
  explicit half(int n) : number(n) {}
  checked<int> number;
  checked<int> result;
  checked<int*> thief{nullptr};
};

template <class Atomics = model::atomics, std::uint32_t Capacity = 4>
struct owner_and_thieves {
  using deque_type = filch::detail::split_deque<half, int, Atomics, Capacity>;
  // Without it, every fork makes its half public, and nothing is forced.
  static constexpr bool heavy = std::is_same_v<Atomics, model::atomics>;

  deque_type deque;
  std::array<std::optional<half>, 8> frames;
  std::array<int, 8> runs{};
  int names[model::max_threads] = {0, 1, 2, 3};

  void run(half& job) {
    const int n = job.number.read();
    require(++runs[static_cast<std::size_t>(n)] == 1, "a job ran twice");
    job.result.write(n * 10);
  }

  /// The frame of job `n` begins and ends. Each has memory of its own, so that one that has ended
  /// is never taken for the next.
  half& begin(int n) { return frames[static_cast<std::size_t>(n)].emplace(n); }
  void end(int n) { frames[static_cast<std::size_t>(n)].reset(); }

  /// Offers the job `n`, runs `left`, joins.
  template <class Left>
  void fork(int n, Left left) {
    half& right = begin(n);
    if (deque.full()) {
      left();
      run(right);
      return end(n);
    }
    deque.push(&right);
    if (deque.asked()) deque.answer(!heavy);
    left();
    join(right, n);
    end(n);
  }
  void fork(int n) {
    fork(n, [] {});
  }
  void join(half& right, int n) {
    if (deque.pop() || deque.reclaim()) {
      run(right);
    } else {
      const auto at = deque.newest();
      int* const noted = deque.thief(at);
      deque.done(at).wait();
      require(!noted || noted == right.thief.read(), "somebody else was noted as the thief");
      deque.forget();
    }
    require(right.result.read() == n * 10, "a join without the other half's result");
  }

  /// What a thief got it runs, and ends as the scheduler does.
  void run_stolen(half* job, typename deque_type::index at, int me) {
    job->thief.write(&names[me]);
    run(*job);
    deque.done(at).set();
  }
  bool steal(int me) {
    half* job = nullptr;
    typename deque_type::index at = 0;
    if (!deque.steal(job, at, &names[me])) return false;
    run_stolen(job, at, me);
    return true;
  }
  bool force(int me) {
    half* job = nullptr;
    typename deque_type::index at = 0;
    if (!deque.force(job, at, &names[me])) return false;
    run_stolen(job, at, me);
    return true;
  }
  void rob(int me) {
    if (!steal(me)) force(me);
  }

  void require_all_ran(int jobs) {
    for (int n = 1; n <= jobs; ++n) {
      require(runs[static_cast<std::size_t>(n)] == 1, "a job did not run");
    }
    require(deque.looks_empty(), "a deque whose jobs are over does not look empty");
  }
};

}  // namespace forks
