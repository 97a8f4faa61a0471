#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "harness/contest.hpp"

/// \file
/// The integral of (x * x + 1) * x from 0 to n by trapezoids, halved until halving changes no more
/// than a trifle: a deep tree of little arithmetic, whose shape the function decides.

namespace filch::bench::integrate {

inline constexpr double trifle = 1e-9;

inline double curve(double x) noexcept { return (x * x + 1) * x; }

/// A trapezoid: where it begins and ends, how high the curve is there, and its area.
struct strip {
  double x1;
  double y1;
  double x2;
  double y2;
  double area;
};
struct halves {
  strip left;
  strip right;
  double area() const noexcept { return left.area + right.area; }
};

inline strip strip_from(double x1, double y1, double x2, double y2) noexcept {
  return {x1, y1, x2, y2, (y1 + y2) / 2 * (x2 - x1)};
}
inline halves halved(const strip& s) noexcept {
  const double middle = s.x1 + (s.x2 - s.x1) / 2;
  const double height = curve(middle);
  return {strip_from(s.x1, s.y1, middle, height), strip_from(middle, height, s.x2, s.y2)};
}
inline bool fine_enough(const strip& s, const halves& h) noexcept {
  return std::abs(h.area() - s.area) < trifle;
}

class problem {
 public:
  static constexpr const char* name = "integrate";
  static constexpr const char* unit = "run";
  explicit problem(std::int64_t size) : n_(size == 0 ? 1000.0 : static_cast<double>(size)) {}

  strip whole() const noexcept { return strip_from(0, curve(0), n_, curve(n_)); }
  double units() const { return 1; }
  void prepare() const noexcept {}
  void check(double answer) const {
    const double exact = n_ * n_ * n_ * n_ / 4 + n_ * n_ / 2;
    if (!(std::abs(answer / exact - 1) < 1e-9)) {
      wrong("the integral to " + std::to_string(n_) + " is " + std::to_string(exact) + ", not " +
            std::to_string(answer));
    }
  }

 private:
  double n_;
};

}  // namespace filch::bench::integrate
