#include <atomic>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>

using namespace std::chrono_literals;

std::string fetch(const std::string& url) { return filch::http::get_ok(url).body; }

/// Something that has to be hung up if nobody wants it.
struct line {
  int number = 0;
  void hang_up() const { std::cout << "hung up " << number << '\n'; }
};

std::atomic<int> opening = 0;

line open_slowly(int number) {
  for (++opening; opening < 2;) std::this_thread::yield();
  while (number != 1 && !filch::this_job::stop_requested()) std::this_thread::sleep_for(1ms);
  return {number};
}

int main(int argc, char** argv) {
  const std::vector<std::string> mirrors(argv + 1, argv + argc);
  filch::pool pool(1);

  // [accept]
  auto page = pool.race([](const std::string& url) { return filch::http::get(url); }, mirrors,
                        {.accept = [](const auto& answer) { return answer.status == 200; }});
  // [end]
  std::cout << page.value.status << '\n';

  // [race_of]
  auto cached = [] { return std::string("from the cache"); };
  auto asked = [&] { return fetch(mirrors[2]); };
  std::cout << pool.race_of(cached, asked).value << '\n';
  // [end]

  // [first_n]
  for (auto& won : pool.first_n(2, fetch, mirrors)) std::cout << won.value.size() << " bytes\n";
  // [end]

  // [abandon]
  auto now = pool.race(fetch, mirrors, {.losers = filch::losers::abandon});
  auto soon = pool.race(fetch, mirrors, {.losers = filch::losers::join_for(50ms)});
  // [end]
  std::cout << now.value.size() << ' ' << soon.value.size() << '\n';

  // [late]
  auto first = pool.race(open_slowly, std::vector<int>{1, 2},
                         {.on_late = [](line&& spare) { spare.hang_up(); }});
  // [end]
  std::cout << "took " << first.value.number << '\n';

  // [hedge]
  std::string text = pool.hedge([&] { return fetch(mirrors[2]); }, {.after = 20ms}).value;
  // [end]
  std::cout << text.size() << " bytes\n";

  // [tracked]
  filch::latency_tracker usual(0.95);
  filch::hedge_budget extra(0.05, 10);
  for (int i = 0; i < 10; ++i) {
    pool.hedge([&] { return fetch(mirrors[2]); },
               {.after = 200ms, .budget = &extra, .latency = &usual});
  }
  // [end]

  // [later]
  auto answer = pool.race(filch::http::get_ok_async, mirrors).value;
  // [end]
  std::cout << answer.status << '\n';

  // [promise]
  filch::promise<int> given;
  auto number = given.get_future();
  std::jthread elsewhere([given = std::move(given)]() mutable { given.set_value(42); });
  std::cout << number.get() << '\n';
  // [end]
}

// [output]
// 200
// from the cache
// 7 bytes
// 7 bytes
// 7 7
// hung up 2
// took 1
// 7 bytes
// 200
// 42
// [end]
