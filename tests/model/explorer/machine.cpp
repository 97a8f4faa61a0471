#include "machine.hpp"

#include <cinttypes>
#include <cstdio>

namespace model {

machine the_machine;

namespace {
constexpr const char* thread_names[max_threads] = {"T0", "T1", "T2", "T3"};
}  // namespace

// ---- one run

void machine::reset(const program& tested, const rules& limits, chooser& choices, bool trace) {
  tested_ = tested;
  limits_ = limits;
  choices_ = &choices;
  trace_ = trace;
  failed_ = nullptr;
  used_ = 0;
  sc_ = {};
  heavy_ = {};
  me_ = -1;
  steps_ = preemptions_ = stale_reads_ = oddities_ = 0;
  stores_ = 0;
  for (int i = 0; i < tested.threads; ++i) {
    auto& t = threads_[static_cast<std::size_t>(i)];
    t.now = t.acquired = t.release_fence = t.light_fence = {};
    t.now.clock(i) = 1;
    t.sleeps_on = nullptr;
    t.done = false;
    t.polled = t.stores_at_pause = 0;
    t.stack.restart(thread_entry);
  }
}

const char* machine::run(const program& tested, const rules& limits, chooser& choices, bool trace) {
  reset(tested, limits, choices, trace);
  outside_.restart(outside_entry);
  root_.switch_to(outside_);
  if (failed_) return failed_;
  me_ = choices_->choose(choice::next, tested_.threads, tested_.threads);
  fresh_ = true;
  root_.switch_to(me().stack);
  if (failed_) return failed_;
  me_ = -1;
  root_.switch_to(outside_);
  return failed_;
}

void machine::outside_entry() {
  auto& m = the_machine;
  m.object_ = m.tested_.make();
  m.outside_.switch_to(m.root_);
  m.tested_.finish(m.object_);
  m.outside_.switch_to(m.root_);
}

void machine::thread_entry() {
  auto& m = the_machine;
  m.tested_.thread(m.object_, m.me_);
  m.note("ends", -1, 0);
  m.me().done = true;
  m.run_another();
}

void machine::fail(const char* what) {
  failed_ = what;
  note(what, -1, 0);
  auto& here = me_ < 0 ? outside_ : me().stack;
  here.switch_to(root_);
  __builtin_unreachable();
}

// ---- the scheduler

int machine::others_that_can_run(std::array<int, max_threads>& found) const {
  int n = 0;
  for (int i = 0; i < tested_.threads; ++i) {
    const auto& t = threads_[static_cast<std::size_t>(i)];
    if (i != me_ && !t.done && !t.sleeps_on) found[static_cast<std::size_t>(n++)] = i;
  }
  return n;
}

void machine::go_to(int thread) {
  auto& from = me();
  me_ = thread;
  from.stack.switch_to(me().stack);
}

void machine::step() {
  if (me_ < 0) return;
  if (++steps_ > limits_.steps) fail("the program does not end");
  if (fresh_) {
    fresh_ = false;
    return;
  }
  std::array<int, max_threads> others{};
  const int n = others_that_can_run(others);
  const int allowed = preemptions_ < limits_.preemptions ? n + 1 : 1;
  const int picked = choices_->choose(choice::preempt, n + 1, allowed);
  if (picked == 0) return;
  ++preemptions_;
  fresh_ = true;
  go_to(others[static_cast<std::size_t>(picked - 1)]);
  fresh_ = false;
}

void machine::run_another() {
  std::array<int, max_threads> others{};
  const int n = others_that_can_run(others);
  if (n > 0) {
    fresh_ = true;
    go_to(others[static_cast<std::size_t>(choices_->choose(choice::next, n, n))]);
    return;
  }
  for (int i = 0; i < tested_.threads; ++i) {
    if (!threads_[static_cast<std::size_t>(i)].done) {
      fail("lost wake-up: who is left sleeps for ever");
    }
  }
  me().stack.switch_to(root_);
}

bool machine::oddity() {
  if (me_ < 0 || oddities_ >= limits_.oddities) return false;
  if (choices_->choose(choice::chance, 2, 2) == 0) return false;
  ++oddities_;
  return true;
}

void machine::pause() {
  if (me_ < 0) fail("a spin outside of the threads would never end");
  if (++steps_ > limits_.steps) fail("the program does not end");
  auto& t = me();
  std::array<int, max_threads> others{};
  if (others_that_can_run(others) > 0) {
    run_another();
  } else if (t.stores_at_pause == stores_ && t.polled == 0) {
    fail("spins for ever: nobody is left to change what it reads");
  }
  for (int id = 0; id < used_; ++id) {
    const auto& l = locations_[static_cast<std::size_t>(id)];
    if ((t.polled >> id & 1) != 0 && l.alive) t.now.seen(id) = l.history.back().at;
  }
  // A second pause without a store in between finds nothing polled that could still change.
  t.polled = t.stores_at_pause == stores_ ? 0 : t.polled;
  t.stores_at_pause = stores_;
}

// ---- objects

int machine::create(const void* address, bool plain, std::uint64_t value) {
  if (used_ == max_locations) fail("the program uses too many objects: raise max_locations");
  const int id = used_++;
  auto& l = locations_[static_cast<std::size_t>(id)];
  l.address = address;
  l.alive = true;
  l.plain = plain;
  l.born_by = me_;
  l.born_at = me_ < 0 ? std::uint16_t{0} : me().now.clock(me_);
  l.reads = l.writes = {};
  l.woken = 0;
  l.history.clear();
  if (!plain) l.history.push_back({value, 0, false, {}});
  if (plain && me_ >= 0) l.writes[static_cast<std::size_t>(me_)] = l.born_at;
  note("builds", id, value);
  return id;
}

location& machine::at(place where) {
  if (where.id < 0 || where.id >= used_) fail("use of memory that holds no object");
  auto& l = locations_[static_cast<std::size_t>(where.id)];
  if (!l.alive || l.address != where.address) fail("use after the object was destroyed");
  if (me_ >= 0 && l.born_by >= 0 && me().now.clock(l.born_by) < l.born_at) {
    fail("data race: use of an object whose construction did not happen before");
  }
  return l;
}

void machine::touch(location& l, bool writes) {
  auto& last = writes ? l.writes : l.reads;
  last[static_cast<std::size_t>(me_)] = me().now.clock(me_);
}

void machine::check_races(const location& l, bool writes) {
  for (int i = 0; i < tested_.threads; ++i) {
    if (i == me_) continue;
    const auto known = me().now.clock(i);
    const auto other = static_cast<std::size_t>(i);
    if (l.writes[other] > known) fail("data race with a write that did not happen before");
    if (writes && l.reads[other] > known) fail("data race with a read that did not happen before");
  }
}

void machine::destroy(place where) {
  auto& l = at(where);
  if (me_ >= 0) check_races(l, true);
  note("destroys", where.id, 0);
  l.alive = false;
}

void machine::read_plain(place where) {
  auto& l = at(where);
  if (me_ < 0) return;
  note("reads plain", where.id, 0);
  check_races(l, false);
  touch(l, false);
}

void machine::write_plain(place where) {
  auto& l = at(where);
  if (me_ < 0) return;
  note("writes plain", where.id, 0);
  check_races(l, true);
  touch(l, true);
}

// ---- futexes

void machine::wait(place where, std::uint64_t expected) {
  step();
  if (me_ < 0) fail("a wait outside of the threads would never end");
  auto& l = at(where);
  touch(l, false);
  auto& t = me();
  // The kernel's lock lets a sleeper see what earlier wakers of this word had seen; apart from
  // that its look at the word is as weak as a relaxed load.
  t.now.seen(where.id) = std::max(t.now.seen(where.id), l.woken);
  const auto& seen = l.history[choose_store(where.id, std::memory_order_relaxed)];
  observe(where.id, seen, std::memory_order_relaxed);
  if (seen.value != expected) {
    note("does not sleep", where.id, seen.value);
    return;
  }
  if (oddity()) {
    note("wakes for no reason", where.id, seen.value);
    return;
  }
  note("sleeps", where.id, seen.value);
  t.sleeps_on = where.address;
  run_another();
}

void machine::wake(const void* address, int count) {
  step();
  for (int id = 0; id < used_; ++id) {
    auto& l = locations_[static_cast<std::size_t>(id)];
    if (me_ >= 0 && l.alive && l.address == address) {
      l.woken = std::max(l.woken, me().now.seen(id));
    }
  }
  for (; count > 0; --count) {
    std::array<int, max_threads> sleepers{};
    int n = 0;
    for (int i = 0; i < tested_.threads; ++i) {
      if (threads_[static_cast<std::size_t>(i)].sleeps_on == address) {
        sleepers[static_cast<std::size_t>(n++)] = i;
      }
    }
    if (n == 0) break;
    const int all = count >= n;
    const int picked = all ? 0 : choices_->choose(choice::next, n, n);
    const int woken = sleepers[static_cast<std::size_t>(picked)];
    threads_[static_cast<std::size_t>(woken)].sleeps_on = nullptr;
    note("wakes", -1, 0, thread_names[static_cast<std::size_t>(woken)]);
  }
}

// ---- the trace of a replay

void machine::note(const char* what, int id, std::uint64_t value, const char* more) {
  if (!trace_ || (me_ < 0 && !failed_)) return;
  if (id >= 0) {
    std::printf("  T%-2d %-20s #%-3d %" PRIu64 " %s\n", me_, what, id, value, more);
  } else {
    std::printf("  T%-2d %s %s\n", me_, what, more);
  }
}

}  // namespace model
