#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>

using namespace std::chrono_literals;

// [function]
double square_root(double x) {
  if (x < 0) throw std::domain_error("no root of a negative number");
  double guess = x / 2 + 0.5;
  for (int i = 0; i < 50; ++i) guess = (guess + x / guess) / 2;
  return guess;
}
// [end]

// [fetch]
std::string fetch(const std::string& url) { return filch::http::get_ok(url, {.timeout = 5s}).body; }
// [end]

void cpu_work() {
  // [map]
  filch::pool pool(4);
  std::vector<double> numbers{1, 4, 9, 16};
  std::vector<double> roots = pool.map(square_root, numbers);
  // [end]
  for (double root : roots) std::cout << root << ' ';
  std::cout << '\n';
}

void web_pages(const std::vector<std::string>& urls) {
  // [pages]
  filch::pool pool;
  std::vector<std::string> pages = pool.with(filch::on_io).map(fetch, urls);
  // [end]
  for (const auto& page : pages) std::cout << page.size() << " bytes\n";

  // [polite]
  pages = pool.with({.in_flight = 2, .lane = filch::lane::io}).map(fetch, urls);
  // [end]
}

void a_failure() {
  filch::pool pool;
  // [error]
  try {
    pool.map(square_root, std::vector<double>{4, -1, 9, -2});
  } catch (const std::domain_error& e) {
    std::cout << e.what() << '\n';  // that of -1, as in the plain loop
  }
  // [end]

  // [try]
  for (const auto& root : pool.map_try(square_root, std::vector<double>{4, -1, 9})) {
    if (root) {
      std::cout << *root << '\n';
    } else {
      std::cout << filch::describe(root.error()) << '\n';
    }
  }
  // [end]
}

void with_a_bar() {
  filch::pool pool;
  std::vector<double> numbers(1000, 2.0);
  // [bar]
  pool.with({.on_progress = filch::progress_bar("roots")}).map(square_root, numbers);
  // [end]
}

int main(int argc, char** argv) {
  cpu_work();
  web_pages({argv + 1, argv + argc});
  a_failure();
  with_a_bar();
}

// [output]
// 1 2 3 4
// 10 bytes
// 11 bytes
// 12 bytes
// no root of a negative number
// 2
// no root of a negative number
// 3
// [end]
