#pragma once

#include <bitset>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

#include "scale/costs.hpp"

/// \file
/// The simulated computer: time, cores, sleeping and waking, the barrier, and cache lines.

namespace filch::bench::scale {

/// More slots than any run needs: workers, and spares that stand in for them.
inline constexpr unsigned most_slots = 512;

/// What the computer knows of a thread.
struct sim_thread {
  double clock = 0;  // nanoseconds; how far it has come
  double debt = 0;   // what interruptions have cost it since
  double on_core_since = 0;
  double ready_at = 0;
  bool on_core = false;
  unsigned number = 0;  // also its slot's; says on which core it runs
  std::coroutine_handle<> where;
};

class machine {
 public:
  /// `complexes`: into how many parts each socket's largest cache is divided.
  machine(const costs& c, unsigned cores, unsigned sockets, unsigned complexes);

  const costs& cost() const noexcept { return costs_; }
  unsigned socket_of(unsigned number) const noexcept { return (number % cores_) / per_socket_; }
  /// As `distance` in core has it, a socket being a node: 0 in one complex, 1 in one node, else 2.
  unsigned steps(unsigned a, unsigned b) const noexcept {
    if (socket_of(a) != socket_of(b)) return 2;
    return a % cores_ / per_complex_ != b % cores_ / per_complex_ ? 1 : 0;
  }
  /// The most steps between two cores.
  unsigned farthest() const noexcept {
    if (per_socket_ < cores_) return 2;
    return per_complex_ < per_socket_ ? 1 : 0;
  }
  /// How long a line takes.
  double distance(unsigned a, unsigned b) const noexcept {
    return socket_of(a) == socket_of(b) ? costs_.line : costs_.line_far;
  }

  /// How far the running thread may go before somebody else must be heard.
  double horizon() const noexcept { return horizon_; }

  /// Awaited where time has passed: lets others catch up.
  auto due(sim_thread& t) noexcept {
    struct awaiter {
      machine& m;
      sim_thread& t;
      bool await_ready() const noexcept { return m.may_go_on(t); }
      void await_suspend(std::coroutine_handle<> h) const { m.step_aside(t, h); }
      void await_resume() const noexcept {}
    };
    return awaiter{*this, t};
  }
  /// Awaited by a thread that sleeps until `wake`; the core is free meanwhile.
  auto sleep(sim_thread& t) noexcept {
    struct awaiter {
      machine& m;
      sim_thread& t;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> h) const {
        t.where = h;
        m.leave_core(t);
      }
      void await_resume() const noexcept {}
    };
    return awaiter{*this, t};
  }
  /// A sleeper, or a thread that has not begun, becomes ready at `at`.
  void wake(sim_thread& sleeper, double at);

  /// The barrier in all threads: what it costs the caller, who must await `due` afterwards. Each
  /// thread on another core is interrupted.
  double barrier(const sim_thread& by, const std::vector<sim_thread*>& all);
  std::uint64_t barriers() const noexcept { return barriers_; }

  /// Runs until `stop` was called. Throws: `std::logic_error` if everybody sleeps before.
  void run();
  void stop() noexcept { stopped_ = true; }
  std::uint64_t events() const noexcept { return events_; }

 private:
  struct event {
    double time;
    std::uint64_t order;
    std::coroutine_handle<> what;
    bool operator<(const event& other) const noexcept {
      return time != other.time ? time > other.time : order > other.order;
    }
  };
  bool may_go_on(sim_thread& t) noexcept {
    t.clock += t.debt;
    t.debt = 0;
    return t.clock <= horizon_ && ready_.empty();
  }
  void step_aside(sim_thread& t, std::coroutine_handle<> h);
  void leave_core(sim_thread& t);
  void enter_core(sim_thread& t, double at);
  void schedule(double time, std::coroutine_handle<> what);
  void look_ahead() noexcept;

  const costs costs_;
  const unsigned cores_;
  const unsigned per_socket_;
  const unsigned per_complex_;
  unsigned idle_cores_;
  double horizon_ = 0;
  double barrier_free_ = 0;
  std::uint64_t order_ = 0, events_ = 0, barriers_ = 0;
  bool stopped_ = false;
  std::priority_queue<event> events_due_;
  std::deque<sim_thread*> ready_;
};

/// A cache line: who has a copy, and from when on it can be had again. Only copies cost something.
class line {
 public:
  /// What it costs to read it.
  double read(const machine& m, const sim_thread& by) noexcept {
    if (copies_[by.number]) return 0;
    const double wait = busy_until_ > by.clock ? busy_until_ - by.clock : 0;
    busy_until_ = by.clock + wait + served_in;
    const double way = m.distance(by.number, last_writer_);
    copies_.set(by.number);
    alone_ = false;
    return wait + way;
  }
  /// What it costs to write it, or to exchange it.
  double write(const machine& m, const sim_thread& by) noexcept {
    if (alone_ && last_writer_ == by.number) return 0;
    const double wait = busy_until_ > by.clock ? busy_until_ - by.clock : 0;
    const double way = farthest_copy(m, by.number);
    busy_until_ = by.clock + wait + way;
    copies_.reset();
    copies_.set(by.number);
    last_writer_ = by.number;
    alone_ = true;
    return wait + way;
  }
  /// Quick looks of the owner, for whom it nearly always is there.
  bool is_alone(unsigned who) const noexcept { return alone_ && last_writer_ == who; }
  bool has_copy(unsigned who) const noexcept { return copies_[who]; }

 private:
  /// How soon after one reader the next can be served.
  static constexpr double served_in = 10;
  double farthest_copy(const machine& m, unsigned who) const noexcept;

  std::bitset<most_slots> copies_;
  unsigned last_writer_ = 0;
  bool alone_ = false;
  double busy_until_ = 0;
};

}  // namespace filch::bench::scale
