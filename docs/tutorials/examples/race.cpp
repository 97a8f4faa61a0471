#include <chrono>
#include <iostream>
#include <stop_token>
#include <string>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>

using namespace std::chrono_literals;

// [fetch]
std::string fetch(const std::string& url) { return filch::http::get_ok(url).body; }
// [end]

// [stoppable]
int search(std::stop_token stop, int start) {
  for (int n = start;; ++n) {
    if (stop.stop_requested()) throw filch::cancelled();
    if (n % 1009 == 0) return n;
  }
}
// [end]

int main(int argc, char** argv) {
  const std::vector<std::string> mirrors(argv + 1, argv + argc);
  // [race]
  filch::pool pool;
  auto won = pool.race(fetch, mirrors);
  std::cout << won.value.size() << " bytes from mirror " << won.index << '\n';
  // [end]

  // [deadline]
  try {
    pool.race(fetch, std::vector<std::string>{mirrors[0]}, {.deadline = 100ms});
  } catch (const filch::timed_out&) {
    std::cout << "nobody answered in time\n";
  }
  // [end]

  // [failed]
  try {
    pool.race(fetch, std::vector<std::string>{mirrors[1], mirrors[1]});
  } catch (const filch::race_failed& e) {
    std::cout << e.errors().size() << " mirrors failed\n";
  }
  // [end]

  // [stop]
  auto found = pool.race(search, std::vector<int>{1, 1000});
  // [end]
  std::cout << found.value << '\n';

  // [stagger]
  auto spare = pool.race(fetch, mirrors, {.deadline = 5s, .stagger = 50ms});
  // [end]
  std::cout << spare.value.size() << " bytes\n";
}

// [output]
// 7 bytes from mirror 2
// nobody answered in time
// 2 mirrors failed
// 1009
// 7 bytes
// [end]
