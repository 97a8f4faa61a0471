#include "chooser.hpp"

#include <stdexcept>

namespace model {
namespace {

constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

int value_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  throw std::invalid_argument("a choice string holds digits and small letters only");
}

}  // namespace

std::uint64_t mixed(std::uint64_t seed, std::uint64_t n) {
  // The output function of splitmix64 (Steele, Lea, Flood 2014).
  auto x = seed + (n + 1) * 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

void chooser::begin_exhaustive() {
  mode_ = mode::exhaustive;
  path_.clear();
  at_ = 0;
}

bool chooser::next() {
  path_.resize(at_);
  at_ = 0;
  while (!path_.empty() && path_.back().taken + 1 >= path_.back().among) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().taken;
  return true;
}

void chooser::begin_random(std::uint64_t seed) {
  mode_ = mode::random;
  path_.clear();
  at_ = 0;
  random_ = seed | 1;
  // A schedule of one temper finds what an evenly mixed one hardly ever meets.
  constexpr std::uint32_t tempers[] = {8, 32, 64, 128};
  preempts_ = tempers[random() % 4];
  stale_ = tempers[random() % 4];
}

void chooser::begin_replay(const std::string& text) {
  mode_ = mode::replay;
  path_.clear();
  at_ = 0;
  for (const char c : text) path_.push_back({static_cast<std::uint8_t>(value_of(c)), 0});
}

std::uint64_t chooser::random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_ * 0x2545f4914f6cdd1dU >> 32;
}

int chooser::decide(choice about, int among) {
  const auto n = static_cast<std::uint64_t>(among);
  const auto roll = random();
  const auto low = static_cast<std::uint32_t>(roll & 255);
  if (about == choice::next) return static_cast<int>(roll % n);
  if (low >= (about == choice::preempt ? preempts_ : stale_)) return 0;
  return 1 + static_cast<int>((roll >> 8) % (n - 1));
}

int chooser::choose(choice about, int among, int allowed) {
  if (among <= 1) return 0;
  if (mode_ == mode::random) {
    path_.push_back({static_cast<std::uint8_t>(decide(about, among)), 0});
  } else if (at_ == path_.size()) {
    path_.push_back({0, static_cast<std::uint8_t>(allowed)});
  } else if (mode_ == mode::replay && path_[at_].taken >= among) {
    path_[at_].taken = 0;  // the program has changed since the string was written
  }
  return path_[at_++].taken;
}

std::string chooser::spelled() const {
  std::string text;
  for (std::size_t i = 0; i < at_; ++i) text += digits[path_[i].taken];
  while (!text.empty() && text.back() == '0') text.pop_back();
  return text;
}

}  // namespace model
