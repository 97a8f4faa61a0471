#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

/// \file
/// SHA-1 of messages so short that they fit one block: what the published trees are made of. For
/// reproducing them, and for nothing where security matters.

namespace filch::bench::uts {

using digest = std::array<std::uint8_t, 20>;

namespace sha1_detail {

using block = std::array<std::uint32_t, 16>;
using words = std::array<std::uint32_t, 5>;

/// The message, a one bit, zeros, and the length in bits.
inline block padded(std::span<const std::uint8_t> message) noexcept {
  std::array<std::uint8_t, 64> bytes{};
  for (std::size_t i = 0; i < message.size(); ++i) bytes[i] = message[i];
  bytes[message.size()] = 0x80;
  block out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::uint32_t>(bytes[4 * i]) << 24 |
             static_cast<std::uint32_t>(bytes[4 * i + 1]) << 16 |
             static_cast<std::uint32_t>(bytes[4 * i + 2]) << 8 | bytes[4 * i + 3];
  }
  out[15] = static_cast<std::uint32_t>(message.size() * 8);
  return out;
}

inline void turn(words& s, std::uint32_t f, std::uint32_t constant, std::uint32_t w) noexcept {
  const auto next = std::rotl(s[0], 5) + f + s[4] + constant + w;
  s = {next, s[0], std::rotl(s[1], 30), s[2], s[3]};
}

/// The 80 rounds over one block.
inline words rounds(const words& start, block w) noexcept {
  const auto word = [&w](std::size_t t) {
    if (t >= 16) {
      w[t % 16] = std::rotl(w[(t + 13) % 16] ^ w[(t + 8) % 16] ^ w[(t + 2) % 16] ^ w[t % 16], 1);
    }
    return w[t % 16];
  };
  words s = start;
  for (std::size_t t = 0; t < 20; ++t) {
    turn(s, (s[1] & s[2]) | (~s[1] & s[3]), 0x5A827999U, word(t));
  }
  for (std::size_t t = 20; t < 40; ++t) turn(s, s[1] ^ s[2] ^ s[3], 0x6ED9EBA1U, word(t));
  for (std::size_t t = 40; t < 60; ++t) {
    turn(s, (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]), 0x8F1BBCDCU, word(t));
  }
  for (std::size_t t = 60; t < 80; ++t) turn(s, s[1] ^ s[2] ^ s[3], 0xCA62C1D6U, word(t));
  return s;
}

}  // namespace sha1_detail

/// Requires: at most 55 bytes. Source: FIPS 180-4, section 6.1.
inline digest sha1(std::span<const std::uint8_t> message) noexcept {
  constexpr sha1_detail::words start{0x67452301U, 0xEFCDAB89U, 0x98BADCFEU, 0x10325476U,
                                     0xC3D2E1F0U};
  const auto end = sha1_detail::rounds(start, sha1_detail::padded(message));
  digest out;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto sum = start[i] + end[i];
    for (std::size_t b = 0; b < 4; ++b) {
      out[4 * i + b] = static_cast<std::uint8_t>(sum >> (24 - 8 * b));
    }
  }
  return out;
}

}  // namespace filch::bench::uts
