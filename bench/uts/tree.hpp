#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "uts/sha1.hpp"

/// \file
/// The trees of "UTS: An Unbalanced Tree Search Benchmark" (Olivier et al., LCPC 2006): each node
/// is a SHA-1 state from which its children's follow, so that nobody knows how large a subtree is
/// before having walked it, and everybody walks the same tree.

namespace filch::bench::uts {

enum class kind { binomial, geometric, hybrid };
enum class shape { linear, cyclic, fixed };

/// A published tree, and what is known of it.
struct tree {
  const char* name;
  kind type;
  shape form;
  double root_branching;
  std::size_t depth_limit;
  double inner_probability;
  std::size_t inner_children;
  std::uint32_t seed;
  std::uint64_t nodes;
  std::uint64_t leaves;
  std::uint64_t depth;
};

inline constexpr std::array<tree, 7> published{{
    {"T1", kind::geometric, shape::fixed, 4, 10, 0, 0, 19, 4130071, 3305118, 10},
    {"T2", kind::geometric, shape::cyclic, 6, 16, 0, 0, 502, 4117769, 2342762, 81},
    {"T3", kind::binomial, shape::linear, 2000, 0, 0.124875, 8, 42, 4112897, 3599034, 1572},
    {"T4", kind::hybrid, shape::linear, 6, 16, 0.234375, 4, 1, 4132453, 3108986, 134},
    {"T5", kind::geometric, shape::linear, 4, 20, 0, 0, 34, 4147582, 2181318, 20},
    {"T1L", kind::geometric, shape::fixed, 4, 13, 0, 0, 29, 102181082, 81746377, 13},
    {"T3L", kind::binomial, shape::linear, 2000, 0, 0.200014, 5, 7, 111345631, 89076904, 17844},
}};

struct node {
  digest state;
  std::size_t height;
};

inline void put(std::uint8_t* at, std::uint32_t value) noexcept {
  for (std::size_t b = 0; b < 4; ++b) at[b] = static_cast<std::uint8_t>(value >> (24 - 8 * b));
}

inline node root_of(const tree& t) noexcept {
  std::array<std::uint8_t, 20> message{};
  put(message.data() + 16, t.seed);
  return {sha1(message), 0};
}

inline node child_of(const node& parent, std::size_t index) noexcept {
  std::array<std::uint8_t, 24> message;
  std::copy(parent.state.begin(), parent.state.end(), message.begin());
  put(message.data() + 20, static_cast<std::uint32_t>(index));
  return {sha1(message), parent.height + 1};
}

/// The node's chance, in [0, 1).
inline double chance(const node& n) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 16; i < 20; ++i) value = value << 8 | n.state[i];
  return static_cast<double>(value & 0x7fffffffU) / 2147483648.0;
}

inline std::size_t binomial_children(const tree& t, const node& n) noexcept {
  return chance(n) < t.inner_probability ? t.inner_children : 0;
}

inline double branching_at(const tree& t, std::size_t height) noexcept {
  if (height == 0) return t.root_branching;
  const auto depth = static_cast<double>(height);
  const auto limit = static_cast<double>(t.depth_limit);
  switch (t.form) {
    case shape::fixed:
      return height < t.depth_limit ? t.root_branching : 0;
    case shape::cyclic:
      if (height > 5 * t.depth_limit) return 0;
      return std::pow(t.root_branching, std::sin(2 * std::numbers::pi * depth / limit));
    case shape::linear:
      break;
  }
  return t.root_branching * (1 - depth / limit);
}

inline std::size_t geometric_children(const tree& t, const node& n) noexcept {
  const double p = 1 / (1 + branching_at(t, n.height));
  return static_cast<std::size_t>(std::floor(std::log(1 - chance(n)) / std::log(1 - p)));
}

inline std::size_t children_of(const tree& t, const node& n) noexcept {
  constexpr std::size_t most = 100;
  if (t.type == kind::binomial) {
    return n.height == 0 ? static_cast<std::size_t>(t.root_branching) : binomial_children(t, n);
  }
  if (t.type == kind::hybrid && 2 * n.height >= t.depth_limit) return binomial_children(t, n);
  return std::min(geometric_children(t, n), most);
}

}  // namespace filch::bench::uts
