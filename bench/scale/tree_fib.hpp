#pragma once

#include "fib/workload.hpp"
#include "scale/simulation.hpp"

namespace filch::bench::scale {

/// bench/fib: fib(n) forks fib(n - 1) and fib(n - 2).
class fib_tree {
 public:
  struct call {
    int n = 0;
  };
  fib_tree(const costs& c, std::int64_t size) : problem_(size), call_ns_(c.fib_call) {}

  call root() const noexcept { return {problem_.n()}; }
  step go(const call& c, unsigned stage, call& left, call& right) noexcept {
    if (stage > 0) return {step::kind::ends, 0};
    if (c.n < 2) {
      sum_ += c.n;
      return {step::kind::ends, call_ns_};
    }
    left = {c.n - 1};
    right = {c.n - 2};
    return {step::kind::forks, call_ns_};
  }
  void check() const { problem_.check(sum_); }

 private:
  fib::problem problem_;
  const double call_ns_;
  long sum_ = 0;
};

}  // namespace filch::bench::scale
