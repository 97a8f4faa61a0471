#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>

using namespace std::chrono_literals;

std::string fetch(const std::string& url) { return filch::http::get_ok(url).body; }

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
  auto two = pool.first_n(2, fetch, mirrors);
  std::cout << two.size() << " answers\n";
  // [end]

  // [abandon]
  auto now = pool.race(fetch, mirrors, {.losers = filch::losers::abandon});
  auto soon = pool.race(fetch, mirrors, {.losers = filch::losers::join_for(50ms)});
  // [end]
  std::cout << now.value.size() << ' ' << soon.value.size() << '\n';
}

// [output]
// 200
// from the cache
// 2 answers
// 7 7
// [end]
