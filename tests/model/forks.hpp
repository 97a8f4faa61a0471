#pragma once

#include <filch/detail/split_deque.hpp>

#include <array>

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
};

template <class Atomics = model::atomics, std::uint32_t Capacity = 4>
struct owner_and_thieves {
  using deque_type = filch::detail::split_deque<half, int, Atomics, Capacity>;
  // Without it, every fork makes its half public, and nothing is forced.
  static constexpr bool heavy = std::is_same_v<Atomics, model::atomics>;

  deque_type deque;
  std::array<int, 8> runs{};
  int names[model::max_threads] = {0, 1, 2, 3};

  void run(half& job) {
    const int n = job.number.read();
    require(++runs[static_cast<std::size_t>(n)] == 1, "a job ran twice");
    job.result.write(n * 10);
  }

  /// Offers the job `n`, runs `left`, joins.
  template <class Left>
  void fork(int n, Left left) {
    half right(n);
    if (deque.full()) {
      left();
      run(right);
      return;
    }
    deque.push(&right);
    if (deque.asked()) deque.answer(!heavy);
    left();
    join(right, n);
  }
  void fork(int n) {
    fork(n, [] {});
  }
  void join(half& right, int n) {
    if (deque.pop() || deque.reclaim()) {
      run(right);
    } else {
      deque.done(deque.newest()).wait();
      deque.forget();
    }
    require(right.result.read() == n * 10, "a join without the other half's result");
  }

  /// What a thief got it runs, and ends as the scheduler does.
  void run_stolen(half* job, typename deque_type::index at, int me) {
    require(deque.thief(at) == &names[me], "somebody else is noted as the thief");
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
