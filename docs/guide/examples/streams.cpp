#include <iostream>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <filch/filch.hpp>

std::string shout(const std::string& word) {
  if (word.empty()) throw std::invalid_argument("no word");
  return word + "!";
}

int square(int n) { return n * n; }

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
// [end]
