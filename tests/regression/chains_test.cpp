// Jobs that make jobs leave no chain behind: neither memory nor time grows with the steps taken.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <thread>

#include <filch/filch.hpp>

#include "support/watchdog.hpp"

namespace {

// A chain that stays makes each step slower: these would take minutes.
constexpr int steps = 30'000;

void wait_until_there(const std::atomic<int>& at, int end = steps) {
  while (at < end) std::this_thread::yield();
}

TEST(regression_chains, a_job_whose_loop_makes_the_next_job) {
  const filch_test::watchdog guard;
  std::atomic<int> at{0};
  std::function<void()> next;
  filch::pool pool(2U);
  next = [&] {
    pool.for_index(0, 2, [&](int i) {
      if (i == 1 && ++at < steps) pool.post(next);
    });
  };
  pool.post(next);
  wait_until_there(at);
}

// Fewer steps: on a busy machine each waits for a turn of the processor.
TEST(regression_chains, jobs_each_of_which_stays_until_the_next_has_made_its_own) {
  constexpr int fewer = 2'000;
  const filch_test::watchdog guard;
  std::atomic<int> at{0};
  std::function<void(int)> next;
  filch::pool pool(3U);
  next = [&](int mine) {
    if (mine < fewer) pool.post(next, mine + 1);
    ++at;  // counted, not set: a job that is late here must not set it back behind the others
    while (at < mine + 1 && mine < fewer) std::this_thread::yield();
  };
  pool.post(next, 1);
  wait_until_there(at, fewer);
}

TEST(regression_chains, jobs_that_all_listen_to_one_token) {
  const filch_test::watchdog guard;
  std::stop_source source;
  std::atomic<int> at{0};
  std::function<void()> next;
  filch::pool pool(1U);
  next = [&] {
    if (++at < steps) pool.with({.stop = source.get_token()}).post(next);
  };
  pool.post(next);
  wait_until_there(at);
}

// Each job hears of a stop of both pools; those links must not pile up.
TEST(regression_chains, jobs_to_and_fro_between_two_pools) {
  const filch_test::watchdog guard;
  std::atomic<int> at{0};
  std::function<void(bool)> next;
  filch::pool here(1U);
  filch::pool there(1U);
  next = [&](bool to_there) {
    const int n = ++at;
    if (n >= steps) return;
    filch::pool& to = to_there ? there : here;
    if (n % 3 == 0) {
      static_cast<void>(to.submit(next, !to_there));
    } else {
      to.post(next, !to_there);
    }
  };
  here.post(next, true);
  wait_until_there(at);
}

TEST(regression_chains, a_job_after_many_to_and_fro_hears_of_a_stop_of_each_pool) {
  const filch_test::watchdog guard;
  for (const bool stops_here : {true, false}) {
    std::atomic<int> at{0};
    std::atomic<bool> waits{false};
    std::atomic<bool> heard{false};
    std::function<void(bool)> next;
    auto here = std::make_optional<filch::pool>(1U);
    auto there = std::make_optional<filch::pool>(1U);
    next = [&](bool to_there) {
      if (++at < 100) return (to_there ? *there : *here).post(next, !to_there);
      waits = true;
      const auto stop = filch::this_job::stop_token();
      while (!stop.stop_requested()) std::this_thread::yield();
      heard = true;
    };
    here->post(next, true);
    while (!waits) std::this_thread::yield();
    (stops_here ? *here : *there).shutdown_for(std::chrono::seconds(0));
    while (!heard) std::this_thread::yield();
  }
}

}  // namespace
