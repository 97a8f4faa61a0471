// A library with filch inside, loaded by a program that has never heard of it.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <filch/filch.hpp>
#include <filch/select.hpp>

namespace {

using namespace std::chrono_literals;

/// Ends when the library is unloaded.
filch::pool& own_pool() {
  static filch::pool pool(filch::make_engine({}, 2));
  return pool;
}

std::atomic<bool> let_go{false};
std::atomic<int> blocked{0};

int deaf(int x) {
  if (x == 0) return x;
  ++blocked;
  while (!let_go) std::this_thread::sleep_for(1ms);
  --blocked;
  return x;
}

}  // namespace

#define PLUGIN extern "C" __attribute__((visibility("default")))

PLUGIN int plugin_sum(int n) {
  const auto squares = own_pool().map([](int x) { return x * x; }, filch::range(0, n));
  return own_pool().reduce(squares, 0, std::plus<>());
}

PLUGIN int plugin_default_sum(int n) { return filch::reduce(filch::range(0, n), 0, std::plus<>()); }

/// Its jobs are under way when the library goes.
PLUGIN void plugin_leave_jobs(int n) {
  for (int i = 0; i < n; ++i) own_pool().post([] { std::this_thread::sleep_for(100us); });
}

/// A race whose losers hear nothing, on a pool that is gone when this returns; how many are left.
PLUGIN int plugin_abandon() {
  {
    filch::pool pool(filch::make_engine({}, 2));
    std::vector<int> contenders{1, 2, 3, 0};
    pool.race(
        [](int x) {
          if (x == 0)
            while (blocked < 3) std::this_thread::sleep_for(100us);
          return deaf(x);
        },
        contenders, {.losers = filch::losers::abandon});
  }
  return blocked;
}

PLUGIN int plugin_blocked() { return blocked; }
PLUGIN void plugin_let_go() { let_go = true; }
