#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <thread>
#include <vector>

#include "harness/contest.hpp"
#include "runtime.hpp"

/// \file
/// What it costs that a pool sleeps: how long until a sleeping one begins a job, how fast jobs
/// follow each other inside, and what it uses while there is nothing to do.

namespace filch::bench::wakes {
namespace {

using namespace std::chrono_literals;

constexpr auto to_fall_asleep = 10ms;
constexpr std::size_t wake_ups = 10;
constexpr std::size_t hops = 10'000;

/// From the submitting call to the first instruction of the job, the pool being asleep.
repetition wake_up(runtime& r) {
  static std::atomic<double> begun{0};
  repetition result{0, static_cast<double>(wake_ups), 0, 0};
  for (std::size_t i = 0; i < wake_ups; ++i) {
    std::this_thread::sleep_for(to_fall_asleep);
    begun.store(0, std::memory_order_relaxed);
    const double submitted = now();
    r.post([] { begun.store(now(), std::memory_order_release); });
    // The submitter sleeps too: a core that it held would be none to wake up on.
    while (begun.load(std::memory_order_acquire) == 0) std::this_thread::sleep_for(20us);
    result.seconds += begun.load(std::memory_order_acquire) - submitted;
  }
  return result;
}

struct ball {
  runtime* r;
  std::latch* end;
  std::size_t left;
  void operator()() const {
    if (left == 0) {
      end->count_down();
    } else {
      r->post(ball{r, end, left - 1});
    }
  }
};

/// Each job submits the next one and ends.
repetition ping_pong(runtime& r) {
  // Not on this frame: the last job may still be returning from it.
  auto* end = new std::latch(1);
  const stopwatch watch;
  r.post(ball{&r, end, hops});
  end->wait();
  return watch.lap(static_cast<double>(hops));
}

/// CPU time of a process that has worked and now has nothing to do. Its unit is a second.
repetition idle(runtime& r) {
  ping_pong(r);
  std::this_thread::sleep_for(100ms);
  const stopwatch watch;
  std::this_thread::sleep_for(1s);
  auto result = watch.lap(1);
  result.extra = result.cpu / result.seconds * 100;
  return result;
}

std::vector<event> events(const contest_settings& s) {
  auto& r = *new runtime(s.threads);
  return {{"wake-up", "wake-up", [&r] { return wake_up(r); }},
          {"ping-pong", "hop", [&r] { return ping_pong(r); }},
          {"idle", "second", [&r] { return idle(r); }, "% of a core"}};
}

}  // namespace
}  // namespace filch::bench::wakes

int main(int argc, char** argv) {
  using namespace filch::bench;
  return run_contest(argc, argv, {"wakes", runtime::name, runtime::version()}, wakes::events);
}
