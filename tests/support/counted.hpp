#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

/// \file
/// Values that count themselves, to show that every copy a verb makes is destroyed once, on every
/// path.

namespace filch_test {

/// What a counted value throws when it is told to fail.
class copy_failed : public std::runtime_error {
 public:
  copy_failed() : std::runtime_error("this copy fails, as the test asked") {}
};

/// The counters that all counted values of a process share.
struct ledger {
  std::atomic<long> live{0};
  std::atomic<long> made{0};
  std::atomic<long> copies{0};
  std::atomic<long> moves{0};
  /// How many more copies (moves) of the throwing types succeed.
  std::atomic<long> copies_left{std::numeric_limits<long>::max()};
  std::atomic<long> moves_left{std::numeric_limits<long>::max()};

  static ledger& global() {
    static ledger one;
    return one;
  }
};

enum class copying { allowed, throwing, deleted };
enum class moving { allowed, throwing };

namespace detail {

/// The counting part; a separate base, so that the copy constructor of a move-only type is gone
/// from overload resolution altogether.
template <copying Copying, moving Moving>
class tally {
 public:
  tally() noexcept { born(); }
  tally(const tally&) noexcept(Copying != copying::throwing)
    requires(Copying != copying::deleted)
  {
    if constexpr (Copying == copying::throwing) {
      if (ledger::global().copies_left.fetch_sub(1) <= 0) throw copy_failed();
    }
    ledger::global().copies.fetch_add(1);
    born();
  }
  tally(tally&&) noexcept(Moving != moving::throwing) {
    if constexpr (Moving == moving::throwing) {
      if (ledger::global().moves_left.fetch_sub(1) <= 0) throw copy_failed();
    }
    ledger::global().moves.fetch_add(1);
    born();
  }
  tally& operator=(const tally&)
    requires(Copying != copying::deleted)
  = default;
  tally& operator=(tally&&) noexcept = default;
  ~tally() { ledger::global().live.fetch_sub(1); }

 private:
  static void born() noexcept {
    ledger::global().made.fetch_add(1);
    ledger::global().live.fetch_add(1);
  }
};

}  // namespace detail

/// An int that counts itself. The value is plain, not atomic: under ThreadSanitizer it shows a
/// missing happens-before.
template <copying Copying, moving Moving = moving::allowed>
class basic_counted : private detail::tally<Copying, Moving> {
 public:
  basic_counted() noexcept = default;
  explicit basic_counted(int v) noexcept : value(v) {}
  friend bool operator==(const basic_counted& a, const basic_counted& b) noexcept {
    return a.value == b.value;
  }
  friend auto operator<=>(const basic_counted& a, const basic_counted& b) noexcept {
    return a.value <=> b.value;
  }
  int value = 0;
};

using counted = basic_counted<copying::allowed>;
using move_only = basic_counted<copying::deleted>;
/// Its copy constructor throws `copy_failed` once `fail_copies_after` has run out.
using throwing_copy = basic_counted<copying::throwing>;
/// Its move constructor throws, once `fail_moves_after` has run out.
using throwing_move = basic_counted<copying::allowed, moving::throwing>;

/// Lets `n` more copies of throwing_copy succeed, while in scope.
class fail_copies_after {
 public:
  explicit fail_copies_after(long n) { ledger::global().copies_left = n; }
  fail_copies_after(const fail_copies_after&) = delete;
  fail_copies_after& operator=(const fail_copies_after&) = delete;
  ~fail_copies_after() { ledger::global().copies_left = std::numeric_limits<long>::max(); }
};

/// Lets `n` more moves of throwing_move succeed, while in scope.
class fail_moves_after {
 public:
  explicit fail_moves_after(long n) { ledger::global().moves_left = n; }
  fail_moves_after(const fail_moves_after&) = delete;
  fail_moves_after& operator=(const fail_moves_after&) = delete;
  ~fail_moves_after() { ledger::global().moves_left = std::numeric_limits<long>::max(); }
};

/// Waits until `holds()` or ten seconds have passed; says whether it held. For what another thread
/// does soon after it has announced a result, such as dropping its last reference.
template <class Condition>
bool eventually(Condition holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

/// Checks at its end that as many counted values are alive as at its beginning.
class no_leaks {
 public:
  no_leaks() = default;
  no_leaks(const no_leaks&) = delete;
  no_leaks& operator=(const no_leaks&) = delete;
  ~no_leaks() {
    eventually([this] { return ledger::global().live == before_; });
    EXPECT_EQ(ledger::global().live.load(), before_) << "counted values leaked, or died twice";
  }

 private:
  const long before_ = ledger::global().live.load();
};

/// A payload of plain words that must be seen whole or not at all.
class plain_payload {
 public:
  plain_payload() = default;
  explicit plain_payload(unsigned seed) {
    for (unsigned i = 0; i < size; ++i) words_[i] = seed + i;
  }
  /// True if this is what `plain_payload(seed)` made.
  bool is(unsigned seed) const {
    for (unsigned i = 0; i < size; ++i) {
      if (words_[i] != seed + i) return false;
    }
    return true;
  }

 private:
  static constexpr unsigned size = 16;
  unsigned words_[size] = {};
};

}  // namespace filch_test
