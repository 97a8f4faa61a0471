#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <filch/filch.hpp>

// [function]
double price(double rate, double net) { return net * (1 + rate); }
// [end]

int main() {
  const std::vector<double> nets{100, 200, 400};
  // [starmap]
  filch::pool pool;
  std::vector<double> prices = pool.starmap(price, filch::zip(filch::repeat(0.25), nets));
  // [end]
  for (double p : prices) std::cout << p << ' ';

  // [lambda]
  const double rate = 0.25;
  prices = pool.map([rate](double net) { return price(rate, net); }, nets);
  // [end]
  for (double p : prices) std::cout << p << ' ';

  // [large]
  const std::vector<std::string> dictionary{"apple", "pear", "plum"};
  const std::vector<std::string> words{"pear", "bear"};
  auto known = pool.map(
      [&dictionary](const std::string& word) {
        return std::ranges::find(dictionary, word) != dictionary.end();
      },
      words);
  // [end]
  for (bool k : known) std::cout << (k ? "yes " : "no ");
  std::cout << '\n';
}

// [output]
// 125 250 500 125 250 500 yes no
// [end]
