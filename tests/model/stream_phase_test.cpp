// The phases of a stream's element (core/include/filch/detail/stream_phase.hpp), with the steps
// around them in the order of core/src/pool/stream_item.cpp: whoever comes first, it is delivered
// once, and neither its data nor the stream's callable is used by somebody who has lost it.
#include <filch/detail/latch.hpp>
#include <filch/detail/stream_phase.hpp>
#include <sync/short_lock.hpp>

#include <gtest/gtest.h>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::atomics;
using model::checked;
using model::require;
using stream_phase = filch::detail::stream_phase<atomics>;
using phase = stream_phase::phase;

constexpr auto relaxed = std::memory_order_relaxed;

/// How the call goes: it gives a value, or does not end before the element is delivered; it gives a
/// future, which ends by itself, or not before it is cancelled; it fails, and the element is put
/// back and runs again.
enum class call { value, deaf, future, deaf_future, put_back };

/// Threads: 0 runs the element, 1 is its timer and then its time of grace, 2 is the consumer, and 3
/// the thread of the future, or of the second attempt. `Impatient`: the consumer ends the stream
/// and does not wait for what does not hear.
template <call Call, bool Impatient = false>
struct element {
  static constexpr int threads = Call == call::value || Call == call::deaf ? 3 : 4;

  stream_phase phases;
  filch::detail::basic_short_lock<atomics, 0> lock;
  filch::detail::basic_latch<atomics> done;
  filch::detail::basic_latch<atomics> cancelled;  // the future was asked to end
  filch::detail::basic_latch<atomics> again;      // the second attempt is queued
  atomic<int> stop{0};
  atomic<int> armed{0};   // the attempt whose timer runs; 0: it was cancelled, or has fired
  atomic<int> future{0};  // 1: somebody listens, 2: it has ended

  // Of whoever ends the element, then the consumer's.
  checked<int> error{0};
  // Of whoever works on it; the consumer's if that one has ended it.
  checked<int> value{0};
  checked<int> callable{1};
  // Under the lock.
  checked<int> result{0}, overdue{0}, strays{0}, in_flight{1};
  int finished = 0;
  bool was_put_back = false;
  int timer = 0;

  void thread(int me) {
    if (me == 0) return run(1);
    if (me == 1) return time_passes();
    if (me == 2) return consume();
    if (Call == call::put_back) {
      again.wait();
      if (was_put_back) run(2);
      return;
    }
    if (Call == call::deaf_future) cancelled.wait();
    if (future.exchange(2, std::memory_order_acq_rel) == 1) answered();
  }

  // ---- who works on it

  void run(int attempt) {
    armed.store(attempt, relaxed);
    timer = attempt;
    require(callable.read() == 1, "the callable is gone");
    if (Call == call::future || Call == call::deaf_future) return await();
    if (Call == call::put_back && (attempt == 1 || stop.load(relaxed) != 0)) return ended(1);
    if (Call == call::deaf) done.wait();
    value.write(7);
    ended(0);
  }
  void await() {
    lock.lock();
    result.write(1);
    const bool late = overdue.read() != 0;
    lock.unlock();
    if (stop.load(relaxed) != 0) cancelled.set();
    if (late) leave_behind();
    int open = 0;
    if (!future.compare_exchange_strong(open, 1, std::memory_order_acq_rel)) answered();
  }
  void answered() {
    lock.lock();
    result.write(0);
    lock.unlock();
    if (!phases.is_left()) {
      require(callable.read() == 1, "the callable is gone");
      value.write(7);
    }
    ended(0);
  }
  void ended(int failed) {
    auto was = phases.end();
    if (was == phase::left) {
      cancel_timer();
      value.write(0);
      lock.lock();
      strays.write(strays.read() - 1);
      lock.unlock();
      return no_more_attempts();
    }
    if (!cancel_timer()) was = phase::late;
    if (was == phase::late) {
      value.write(0);
      failed = 2;
    } else if (failed == 1 && puts_back()) {
      return again.set();
    }
    error.write(failed);
    finish();
    no_more_attempts();
  }
  bool puts_back() {
    lock.lock();
    was_put_back = stop.load(relaxed) == 0;
    if (was_put_back) phases.run_again();
    lock.unlock();
    return was_put_back;
  }
  void no_more_attempts() {
    if (Call == call::put_back && !was_put_back) again.set();
  }
  void finish() {
    require(++finished == 1, "an element was ended twice");
    lock.lock();
    in_flight.write(in_flight.read() - 1);
    lock.unlock();
    done.set();
  }

  // ---- when its time is up

  bool cancel_timer() {
    int mine = timer;
    return armed.compare_exchange_strong(mine, 0, relaxed, relaxed);
  }
  void time_passes() {
    int seen = armed.load(relaxed);
    if (seen == 0 || !armed.compare_exchange_strong(seen, 0, relaxed, relaxed)) return;
    if (!phases.make_late()) return;
    ask_to_stop();
    leave_behind();
  }
  void ask_to_stop() {
    stop.store(1, relaxed);
    lock.lock();
    const bool awaits = result.read() != 0;
    lock.unlock();
    if (awaits) cancelled.set();
  }
  void leave_behind() {
    lock.lock();
    overdue.write(1);
    // A value is made on a thread that may be left to it; a future is made on one that may not.
    const bool waits = Call == call::future || Call == call::deaf_future;
    const bool stays = waits && result.read() == 0;
    const bool mine = !stays && phases.leave();
    if (mine) strays.write(strays.read() + 1);
    lock.unlock();
    if (!mine) return;
    error.write(2);
    finish();
  }

  // ---- the consumer

  void consume() {
    if (Impatient) {
      ask_to_stop();
      phases.make_late();
      leave_behind();
    }
    done.wait();
    const bool left = phases.is_left();
    if (error.read() == 0) {
      require(!left && value.read() == 7, "an element without an error has no value");
    } else {
      require(error.read() == 2 || Impatient, "an element failed that was to run again");
    }
    if (!left) value.write(0);
    lock.lock();
    const bool quiet = strays.read() == 0;
    require(in_flight.read() == 0, "an element is delivered, and counts as in flight");
    lock.unlock();
    if (quiet) callable.write(0);
  }
  void after() { require(finished == 1 && strays.read() == 0, "an element was not ended"); }
};

TEST(model_stream_phase, a_value_comes_in_time_or_is_left_behind) {
  model::expect_clean<element<call::value>>({.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_stream_phase, a_consumer_leaves_behind_what_a_timer_leaves_behind) {
  model::expect_clean<element<call::value, true>>({.limits = {.preemptions = 2, .oddities = 1}});
}

// It is delivered no other way.
TEST(model_stream_phase, a_call_that_does_not_end_is_left_behind) {
  model::expect_clean<element<call::deaf, true>>({.limits = {.preemptions = 3, .oddities = 1}});
}

TEST(model_stream_phase, a_future_comes_in_time_or_is_left_behind) {
  model::expect_clean<element<call::future>>(
      {.limits = {.preemptions = 2, .stale_reads = 1}, .widest = 2});
}

TEST(model_stream_phase, an_element_that_is_put_back_is_timed_anew) {
  model::expect_clean<element<call::put_back>>(
      {.limits = {.preemptions = 2, .stale_reads = 1}, .widest = 2});
}

TEST(model_stream_phase, a_consumer_ends_the_stream_as_an_element_is_put_back) {
  model::expect_clean<element<call::put_back, true>>(
      {.limits = {.preemptions = 2, .stale_reads = 1}, .widest = 2});
}

// It ends no other way.
TEST(model_stream_phase, a_future_that_waits_for_its_stop_gets_it) {
  model::expect_clean<element<call::deaf_future, true>>(
      {.limits = {.preemptions = 2, .stale_reads = 1}, .widest = 2});
}

}  // namespace
