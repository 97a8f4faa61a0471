#include "scale/machine.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace filch::bench::scale {

machine::machine(const costs& c, unsigned cores, unsigned sockets, unsigned complexes)
    : costs_(c),
      cores_(cores),
      per_socket_((cores + sockets - 1) / sockets),
      per_complex_((per_socket_ + complexes - 1) / complexes),
      idle_cores_(cores) {}

void machine::schedule(double time, std::coroutine_handle<> what) {
  events_due_.push({time, order_++, what});
  look_ahead();
}

// Nobody sees what another core has written earlier than half a line's way later, so a thread may
// be that far ahead of all others. Many steps pass without looking at the queue of events.
void machine::look_ahead() noexcept {
  horizon_ = events_due_.empty() ? std::numeric_limits<double>::max()
                                 : events_due_.top().time + costs_.line / 2;
}

void machine::step_aside(sim_thread& t, std::coroutine_handle<> h) {
  t.where = h;
  if (!ready_.empty() && t.clock - t.on_core_since >= costs_.slice) {
    leave_core(t);
    t.ready_at = t.clock;
    ready_.push_back(&t);
    return;
  }
  schedule(t.clock, h);
}

void machine::leave_core(sim_thread& t) {
  t.on_core = false;
  if (ready_.empty()) {
    ++idle_cores_;
    return;
  }
  sim_thread& next = *ready_.front();
  ready_.pop_front();
  enter_core(next, std::max(next.ready_at, t.clock));
}

void machine::enter_core(sim_thread& t, double at) {
  t.clock = t.on_core_since = at;
  t.debt = 0;
  t.on_core = true;
  schedule(at, t.where);
}

void machine::wake(sim_thread& sleeper, double at) {
  if (idle_cores_ > 0) {
    --idle_cores_;
    enter_core(sleeper, at);
    return;
  }
  sleeper.ready_at = at;
  ready_.push_back(&sleeper);
}

double machine::barrier(const sim_thread& by, const std::vector<sim_thread*>& all) {
  ++barriers_;
  double takes = 0;
  bool any = false;
  for (sim_thread* other : all) {
    if (other == &by || !other->on_core) continue;
    any = true;
    other->debt += costs_.interruption;
    takes += socket_of(other->number) == socket_of(by.number) ? costs_.barrier_core
                                                              : costs_.barrier_core_far;
  }
  takes = any ? takes - costs_.barrier_core + costs_.barrier_beside : costs_.barrier;
  // The kernel lets one through at a time.
  const double wait = std::max(0.0, barrier_free_ - by.clock);
  barrier_free_ = by.clock + wait + takes * costs_.barrier_holds;
  return wait + takes;
}

void machine::run() {
  while (!stopped_) {
    if (events_due_.empty()) throw std::logic_error("all threads sleep, and the root is not done");
    const event next = events_due_.top();
    events_due_.pop();
    ++events_;
    look_ahead();
    next.what.resume();
  }
}

double line::farthest_copy(const machine& m, unsigned who) const noexcept {
  double way = m.distance(who, last_writer_);
  if (way == m.cost().line_far) return way;
  for (unsigned i = 0; i < most_slots; ++i) {
    if (copies_[i] && m.socket_of(i) != m.socket_of(who)) return m.cost().line_far;
  }
  return way;
}

}  // namespace filch::bench::scale
