#include <chrono>
#include <cstddef>
#include <iostream>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <filch/filch.hpp>

using namespace std::chrono_literals;

std::string shout(const std::string& word) {
  if (word.empty()) throw std::invalid_argument("no word");
  return word + "!";
}

int square(int n) { return n * n; }

// [key]
std::string host_of(const std::string& url) { return url.substr(0, url.find('/')); }
// [end]
std::string fetch(const std::string& url) { return "<p>" + url; }

int slow_at_times(int n) {
  if (n == 2) std::this_thread::sleep_for(1s);
  return n;
}

int main() {
  filch::pool pool(2);
  std::istringstream input("one two three");
  // [imap]
  auto words = std::views::istream<std::string>(input);
  for (std::string line : pool.imap(shout, words, {.buffer = 8})) {
    std::cout << line << '\n';
  }
  // [end]

  // [infinite]
  for (int n : pool.imap(square, std::views::iota(1))) {
    if (n > 50) break;  // leaving the loop ends the stream: it stops and joins what runs
    std::cout << n << ' ';
  }
  // [end]
  std::cout << '\n';

  // [unordered]
  int sum = 0;
  for (auto [index, value] : pool.imap_unordered(square, std::views::iota(0, 10))) sum += value;
  // [end]
  std::cout << sum << '\n';

  // [errors]
  const std::vector<std::string> some{"a", "", "c"};
  auto results = pool.imap(shout, some);
  for (auto it = results.begin(); it != results.end(); ++it) {
    try {
      std::cout << *it << '\n';
    } catch (const std::invalid_argument& e) {
      std::cout << "skipped: " << e.what() << '\n';
    }
  }
  // [end]

  const auto questions = std::views::iota(0, 1000);
  // [futures]
  // Returns at once; the answer comes 20 ms later.
  auto ask = [&](int question) { return pool.submit_after(20ms, square, question); };
  long sum_of_answers = 0;
  for (auto [index, answer] : pool.imap_unordered(ask, questions, {.in_flight = 256})) {
    sum_of_answers += answer;
  }
  // [end]
  std::cout << sum_of_answers << '\n';

  const std::vector<std::string> urls{"a.org/1", "a.org/2", "a.org/3", "b.org/1"};
  std::size_t bytes = 0;
  // [keys]
  auto gentle = pool.imap_unordered(
      fetch, urls, {.in_flight = 64, .key = host_of, .lane = filch::lane::io, .per_key = 2});
  for (auto&& page : gentle) bytes += page.value.size();
  // [end]
  std::cout << bytes << '\n';

  // [limits]
  auto pages = pool.imap(slow_at_times, std::vector{1, 2, 3},
                         {.in_flight = 2, .lane = filch::lane::io, .timeout_each = 100ms});
  for (auto it = pages.begin(); it != pages.end(); ++it) {
    try {
      std::cout << *it << '\n';
    } catch (const filch::timed_out&) {
      std::cout << "gave up\n";
    }
  }
  // [end]
}

// [output]
// one!
// two!
// three!
// 1 4 9 16 25 36 49
// 285
// a!
// skipped: no word
// c!
// 332833500
// 40
// 1
// gave up
// 3
// [end]
