#include <chrono>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include <filch/filch.hpp>

using namespace std::chrono_literals;

int slowly_doubled(int x) { return 2 * x; }

void make_pools() {
  // [make]
  filch::pool pool;     // as many workers as this process may use cores
  filch::pool four(4);  // four workers
  filch::pool thumbs({.max_threads = 100, .name = "thumbs", .workers = 2});
  // [end]
  std::cout << four.workers() << ' ' << thumbs.workers() << '\n';
}

void submit_jobs() {
  filch::pool pool(2);
  int seen = 0;
  // [submit]
  filch::future<int> answer = pool.submit(slowly_doubled, 21);
  std::cout << answer.get() << '\n';

  auto text = pool.submit([] { return 6 * 7; }).then([](int n) { return std::to_string(n); });
  std::cout << text.get() << '\n';

  pool.submit_after(10ms, [] { return 3; }).on_done([&seen](int n) { seen = n; });
  // [end]
  pool.close();
  pool.join();  // callbacks belong to what the pool has accepted: they have run now
  std::cout << "three is " << seen << '\n';
}

void use_options(filch::pool& pool) {
  const std::vector<int> xs{1, 2, 3};
  // [with]
  auto careful = pool.with({.chunk = 1, .name = "doubling", .timeout = 2s});
  auto doubled = careful.map(slowly_doubled, xs);
  // [end]
  std::cout << std::accumulate(doubled.begin(), doubled.end(), 0) << '\n';
}

// [fork]
int fibonacci(int n) {
  if (n < 2) return n;
  if (n < 12) return fibonacci(n - 1) + fibonacci(n - 2);  // too small to share
  auto [a, b] =
      filch::fork_join([&] { return fibonacci(n - 1); }, [&] { return fibonacci(n - 2); });
  return a + b;
}
// [end]

void spawn_jobs(filch::pool& pool) {
  // [scope]
  std::vector<int> parts(4);
  pool.scope([&](auto& s) {
    for (int& part : parts) s.spawn([&part] { part = 10; });
  });  // all of them have ended here
  // [end]
  std::cout << std::accumulate(parts.begin(), parts.end(), 0) << '\n';
}

void end_it() {
  filch::pool pool;
  // [end_it]
  pool.close();  // from now on calls from outside throw pool_closed
  pool.join();   // everything accepted before has ended

  filch::pool other;
  auto left = other.shutdown_for(1s);  // asks what runs to stop, waits a second at most
  if (!left.finished) std::cout << left.still_running << " still run\n";
  // [end]
}

int main() {
  make_pools();
  filch::pool pool(2);
  submit_jobs();
  use_options(pool);
  std::cout << pool.submit(fibonacci, 20).get() << '\n';
  spawn_jobs(pool);
  end_it();
}

// [output]
// 4 2
// 42
// 42
// three is 3
// 12
// 6765
// 40
// [end]
