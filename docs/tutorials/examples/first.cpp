#include <cmath>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>

double distance(double x, double y) { return std::hypot(x, y); }
double scale(double factor, double x) { return factor * x; }

/// usage: first MIRROR MIRROR URL...
int main(int argc, char** argv) {
  if (argc < 3) return 1;
  const std::vector<std::string> mirrors(argv + 1, argv + 3);
  const std::vector<std::string> urls(argv + 3, argv + argc);
  const std::vector<double> xs{3, 6, 9}, ys{4, 8, 12};

  // [picture]
  filch::pool pool;  // one worker per usable core
  auto fetch = [](const std::string& url) { return filch::http::get_ok(url).body; };

  auto pages = pool.with(filch::on_io).map(fetch, urls);                  // results in input order
  auto dists = pool.starmap(distance, filch::zip(xs, ys));                // two arrays
  auto scaled = pool.starmap(scale, filch::zip(filch::repeat(3.0), xs));  // a constant and an array
  auto page = pool.race(fetch, mirrors).value;                            // the first good answer
  long total = pool.reduce(filch::range(0, 1'000'000), 0L, std::plus<>{});
  // [end]

  for (const auto& text : pages) std::cout << text.size() << ' ';
  for (double d : dists) std::cout << d << ' ';
  for (double s : scaled) std::cout << s << ' ';
  std::cout << page.size() << ' ' << total << '\n';
}

// [output]
// 10 11 12 5 10 15 9 18 27 9 499999500000
// [end]
