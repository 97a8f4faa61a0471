#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

#include <filch/filch.hpp>

using namespace std::chrono_literals;

// [function]
int divisors(int n) {
  int count = 0;
  for (int d = 1; d <= n; ++d) count += n % d == 0;
  return count;
}
// [end]

int main() {
  // [farm]
  filch::pool pool;
  filch::queue<int> todo(100);
  filch::queue<std::pair<int, int>> found;
  pool.scope([&](auto& helpers) {
    for (int i = 0; i < 4; ++i) {
      helpers.spawn([&] {
        for (int n : todo) found.push({divisors(n), n});
      });
    }
    for (int n = 1; n <= 1000; ++n) todo.push(n);  // waits while 100 of them lie there
    todo.close();                                  // that was all: the helpers' loops end
  });
  found.close();
  // [end]

  // [collect]
  std::pair<int, int> best;
  for (auto& each : found) best = std::max(best, each);
  std::cout << best.second << " has " << best.first << " divisors\n";
  // [end]

  // [meanwhile]
  filch::queue<int> numbers(100), counts(100);
  std::atomic<int> busy = 4;
  long sum = 0;
  pool.scope([&](auto& jobs) {
    jobs.spawn([&] {
      for (int n = 1; n <= 1000; ++n) numbers.push(n);
      numbers.close();
    });
    for (int i = 0; i < 4; ++i) {
      jobs.spawn([&] {
        for (int n : numbers) counts.push(divisors(n));
        if (--busy == 0) counts.close();  // the last one turns off the light
      });
    }
    for (int count : counts) sum += count;
  });
  std::cout << sum << " divisors in all\n";
  // [end]

  // [error]
  filch::queue<int> unread(1);
  try {
    pool.scope([&](auto& helpers) {
      helpers.spawn([&] { throw std::runtime_error("helper " + std::to_string(*unread.pop())); });
      for (int n = 1;; ++n) unread.push(n);  // nobody takes the third
    });
  } catch (const std::runtime_error& e) {
    std::cout << e.what() << " failed\n";
  }
  // [end]

  // [time]
  filch::queue<int> quiet;
  if (!quiet.pop_for(10ms)) std::cout << "nothing came\n";
  try {
    pool.with({.timeout = 10ms}).scope([&](auto& jobs) {
      jobs.spawn([&] { quiet.pop(); });  // hears that the time is over
    });
  } catch (const filch::timed_out&) {
    std::cout << "too late\n";
  }
  // [end]
}

// [output]
// 840 has 32 divisors
// 7069 divisors in all
// helper 1 failed
// nothing came
// too late
// [end]
