#include <chrono>
#include <iostream>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include <filch/filch.hpp>

using namespace std::chrono_literals;

int main() {
  // [nested]
  filch::pool pool(1);
  auto row_sum = [&](const std::vector<int>& row) {
    auto squares = pool.map([](int x) { return x * x; }, row);  // a wait inside a job
    return std::accumulate(squares.begin(), squares.end(), 0);
  };
  auto sums = pool.map(row_sum, std::vector<std::vector<int>>{{1, 2}, {3, 4}});
  // [end]
  std::cout << sums[0] << ' ' << sums[1] << '\n';

  // [mutex]
  std::mutex lock;
  int total = 0;
  pool.for_each(std::vector<int>{1, 2, 3}, [&](int x) {
    std::lock_guard hold(lock);
    // Other jobs of this pool want the lock, too. The wait in here runs none of them.
    for (int y : pool.map([](int n) { return 2 * n; }, std::vector<int>{x, x})) total += y;
  });
  // [end]
  std::cout << total << '\n';

  // [limit]
  auto slow = pool.with(filch::on_io).submit([] {
    std::this_thread::sleep_for(200ms);
    return 5;
  });
  try {
    slow.get_for(10ms);
  } catch (const filch::timed_out&) {
    std::cout << "not yet\n";
  }
  std::cout << slow.get() << '\n';  // the job went on
  // [end]
}

// [output]
// 5 25
// 24
// not yet
// 5
// [end]
