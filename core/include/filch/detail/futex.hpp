#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <filch/detail/export.hpp>

/// \file
/// Sleeping on one 32-bit word: the only way anything in filch blocks a thread for another one.
/// These calls order no memory themselves: publish with a release store to the word before the
/// wake, and re-read the word with acquire after the wait.

namespace filch {
inline namespace v0 {
namespace detail {

/// Sleeps while `word` holds `expected`; returns at once when it does not.
/// Blocks: until woken. May also return for no reason, so the caller re-reads the word in a loop.
FILCH_API void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept;

/// As `futex_wait`, but gives up at `deadline`: false if the time ran out, else true (which, again,
/// may mean nothing). `time_point::max()` and everything near it means "for ever".
FILCH_API bool futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                                std::chrono::steady_clock::time_point deadline) noexcept;

/// Wakes up to `count` threads that sleep on the word at this address.
/// Lifetime: the word is not read, only its address is used, so a waker whose last store has
/// already allowed the owner to destroy the word may still call this. At worst somebody who
/// sleeps on a new word at that address wakes for no reason.
/// Cost: one system call; skip it when nobody can be asleep.
FILCH_API void futex_wake(const std::atomic<std::uint32_t>* word, int count) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
