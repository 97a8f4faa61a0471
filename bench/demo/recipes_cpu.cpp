#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <functional>
#include <memory>
#include <numbers>
#include <ostream>

#include <filch/filch.hpp>
#include <filch/select.hpp>

#include "recipes.hpp"
#include "text.hpp"

namespace demo {
namespace {

using clock = std::chrono::steady_clock;

constexpr int rounds = 3;

/// Times `plain()` and `parallel(pool, bar)` in turn, so that whatever else the machine does hits
/// all of them, and checks each answer against the plain loop's.
template <class Plain, class Parallel>
void compare(setting& s, row r, Plain plain, Parallel parallel) {
  std::vector<std::unique_ptr<filch::pool>> pools;
  for (const auto& engine : s.engines) {
    pools.push_back(std::make_unique<filch::pool>(filch::make_engine(engine)));
  }
  r.engines.resize(pools.size());
  measured plain_loop;
  for (int round = 0; round < rounds; ++round) {
    auto start = clock::now();
    const auto right_answer = plain();
    plain_loop.seconds.push_back(seconds_since(start));
    for (std::size_t i = 0; i < pools.size(); ++i) {
      const filch::progress_bar bar(engine_title(s.engines[i]) + ", " + r.label + ", run " +
                                    std::to_string(round + 1) + " of " + std::to_string(rounds));
      start = clock::now();
      const auto answer = parallel(*pools[i], bar);
      r.engines[i].seconds.push_back(seconds_since(start));
      r.engines[i].correct = r.engines[i].correct && answer == right_answer;
    }
  }
  r.yardstick = "plain loop";
  r.yardstick_seconds = plain_loop.median();
  s.found.rows.push_back(std::move(r));
}

struct place {
  double latitude;
  double longitude;
};

/// Kilometres between two places on the globe.
double distance(const place& a, const place& b) {
  constexpr double radius = 6371;
  constexpr double degree = std::numbers::pi / 180;
  const double north = std::sin((b.latitude - a.latitude) * degree / 2);
  const double east = std::sin((b.longitude - a.longitude) * degree / 2);
  const double h =
      north * north + std::cos(a.latitude * degree) * std::cos(b.latitude * degree) * east * east;
  return 2 * radius * std::asin(std::min(1.0, std::sqrt(h)));
}

/// Places all over the globe, the same in every run.
std::vector<place> places(std::size_t n, double step) {
  std::vector<place> out;
  out.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double turn = std::fmod(static_cast<double>(i) * step, 1.0);
    const double share = static_cast<double>(i) / static_cast<double>(n);
    out.push_back({std::asin(2 * share - 1) * 180 / std::numbers::pi, turn * 360 - 180});
  }
  return out;
}

using point = std::complex<double>;

/// How many rounds of z -> z^2 + c a point needs to escape: the picture of a Julia set.
int rounds_to_escape(point c, point z) {
  constexpr int patience = 400;
  int n = 0;
  while (n < patience && std::norm(z) < 4) {
    z = point(z.real() * z.real() - z.imag() * z.imag() + c.real(),
              2 * z.real() * z.imag() + c.imag());
    ++n;
  }
  return n;
}

std::vector<point> picture(std::size_t side) {
  std::vector<point> points;
  points.reserve(side * side);
  const double step = 3.0 / static_cast<double>(side);
  for (std::size_t y = 0; y < side; ++y) {
    for (std::size_t x = 0; x < side; ++x) {
      points.emplace_back(static_cast<double>(x) * step - 1.5, static_cast<double>(y) * step - 1.5);
    }
  }
  return points;
}

/// The sum of the Gray codes of [low, high): unlike the sum of the numbers themselves it leaves a
/// compiler no formula to put in the loop's place, and over a power of two it is the same sum.
std::uint64_t sum_between(std::uint64_t low, std::uint64_t high) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = low; i < high; ++i) sum += i ^ (i >> 1);
  return sum;
}

}  // namespace

void starmap_two_arrays(setting& s) {
  const std::size_t n = s.quick ? 100'000 : 4'000'000;
  s.out << "\n2. starmap of two arrays: the distances of " << grouped(n) << " pairs of places\n"
        << "   Python: pool.starmap(distance, zip(starts, ends))\n"
        << "   filch:  pool.starmap(distance, zip(starts, ends))\n";
  const auto starts = places(n, 0.618033988749895);
  const auto ends = places(n, 0.414213562373095);
  row r;
  r.recipe = "2 starmap: two arrays";
  r.label = grouped(n) + " distances";
  compare(
      s, std::move(r),
      [&] {
        std::vector<double> out(n);
        for (std::size_t i = 0; i < n; ++i) out[i] = distance(starts[i], ends[i]);
        return out;
      },
      [&](filch::pool& pool, const filch::progress_bar& bar) {
        return pool.with({.on_progress = bar}).starmap(distance, filch::zip(starts, ends));
      });
}

void starmap_constant(setting& s) {
  const std::size_t side = s.quick ? 120 : 1200;
  s.out << "\n3. starmap of a constant and an array: a Julia set of " << grouped(side * side)
        << " points,\n   some of which need 400 times the work of others\n"
        << "   Python: pool.starmap(escape, zip(itertools.repeat(c), points))\n"
        << "   filch:  pool.starmap(escape, zip(repeat(c), points))\n";
  const auto points = picture(side);
  const point c(-0.8, 0.156);
  row r;
  r.recipe = "3 starmap: a constant and an array";
  r.label = grouped(points.size()) + " points";
  compare(
      s, std::move(r),
      [&] {
        std::vector<int> out(points.size());
        for (std::size_t i = 0; i < points.size(); ++i) out[i] = rounds_to_escape(c, points[i]);
        return out;
      },
      [&](filch::pool& pool, const filch::progress_bar& bar) {
        return pool.with({.on_progress = bar})
            .starmap(rounds_to_escape, filch::zip(filch::repeat(c), points));
      });
}

void reduce_subranges(setting& s) {
  const std::uint64_t n = std::uint64_t{1} << (s.quick ? 24 : 30);
  s.out << "\n5. reduce: the sum of a range of " << grouped(n) << " numbers, by 64 subranges\n"
        << "   Python: a thread for each subrange; they take turns at the interpreter's lock, so\n"
        << "   it is no faster than the loop.\n"
        << "   filch:  pool.transform_reduce(subranges(0, n, 64), 0, plus, sum_of)\n";
  row r;
  r.recipe = "5 reduce: a range by subranges";
  r.label = grouped(n) + " numbers";
  compare(
      s, std::move(r),
      [&] {
        // The Gray codes of a power of two of numbers are these numbers in another order.
        const auto sum = sum_between(0, n);
        return sum == n / 2 * (n - 1) ? sum : 0;
      },
      [&](filch::pool& pool, const filch::progress_bar& bar) {
        return pool.with({.on_progress = bar})
            .transform_reduce(
                filch::subranges(std::uint64_t{0}, n, 64), std::uint64_t{0}, std::plus<>{},
                [](const auto& part) { return sum_between(part.first, part.second); });
      });
}

}  // namespace demo
