#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <string>
#include <utility>
#include <vector>

#include "harness/contest.hpp"
#include "runtime.hpp"

/// \file
/// What single jobs cost that a thread outside of the pool submits: the round trip of one, and a
/// million of them. A runtime has the events that its runtime.hpp offers.

namespace filch::bench::submits {
namespace {

constexpr std::size_t usual_jobs = 1'000'000;

thread_local bool is_submitter = false;

/// The waiter may run the job itself.
template <class Runtime>
event round_trip(Runtime& r) {
  return many_calls("submit and get", "job", [&r](std::size_t n) {
    int expected = 0;
    for (std::size_t i = 0; i < n; ++i, ++expected) {
      if (r.submit_and_get([expected] { return expected + 1; }) != expected + 1) {
        wrong("another job's result");
      }
    }
  });
}

/// Another thread runs the job: the submitter only looks.
template <class Runtime>
event hand_off(Runtime& r) {
  return many_calls("hand-off", "job", [&r](std::size_t n) {
    // Not on this frame: the last job may still be returning when the loop has ended.
    static std::atomic<std::uint64_t> done{0};
    static std::atomic<bool> by_submitter{false};
    is_submitter = true;
    const auto job = [] {
      if (is_submitter) by_submitter.store(true, std::memory_order_relaxed);
      done.fetch_add(1, std::memory_order_release);
    };
    for (std::size_t i = 0; i < n; ++i) {
      const auto before = done.load(std::memory_order_relaxed);
      if constexpr (requires { r.hand_off(job); }) {
        r.hand_off(job);
      } else {
        r.post(job);
        while (done.load(std::memory_order_acquire) == before) {
        }
      }
    }
    if (by_submitter.load(std::memory_order_relaxed)) wrong("the submitter ran a job itself");
  });
}

/// What the submitter runs from now on it runs while it waits, and so it should.
[[maybe_unused]] void submitted() noexcept { is_submitter = false; }

struct tally {
  std::atomic<std::int64_t> ran{0};
  std::atomic<std::int64_t> in_the_call{0};
};

/// The job of the crowds: counts itself, and whether the submitting call ran it.
struct counting_job {
  tally* counts;
  std::latch* all;
  void operator()() const noexcept {
    if (is_submitter) counts->in_the_call.fetch_add(1, std::memory_order_relaxed);
    counts->ran.fetch_add(1, std::memory_order_relaxed);
    if (all) all->count_down();
  }
};

template <class Crowd>
repetition of_many(std::size_t jobs, const Crowd& crowd) {
  tally counts;
  const stopwatch watch;
  crowd(counts);
  auto result = watch.lap(static_cast<double>(jobs));
  if (std::cmp_not_equal(counts.ran.load(), jobs)) {
    wrong(std::to_string(counts.ran.load()) + " of " + std::to_string(jobs) + " jobs ran");
  }
  result.extra = static_cast<double>(counts.in_the_call.load());
  return result;
}

template <class Runtime>
event one_by_one(Runtime& r, std::size_t jobs) {
  return {"a million, one by one", "job",
          [&r, jobs] {
            return of_many(jobs, [&](tally& counts) {
              is_submitter = true;
              if constexpr (requires { r.many(jobs, counting_job{}, submitted); }) {
                r.many(jobs, counting_job{&counts, nullptr}, submitted);
              } else {
                std::latch all(static_cast<std::ptrdiff_t>(jobs));
                for (std::size_t i = 0; i < jobs; ++i) r.post(counting_job{&counts, &all});
                submitted();
                all.wait();
              }
            });
          },
          "run inside the submitting call"};
}

template <class Runtime>
event in_bulk(Runtime& r, std::size_t jobs) {
  return {"a million, in bulk", "job",
          [&r, jobs] {
            return of_many(jobs, [&](tally& counts) {
              is_submitter = true;
              r.bulk(jobs, counting_job{&counts, nullptr}, submitted);
            });
          },
          "run inside the submitting call"};
}

/// A template, so that what a runtime does not offer is not compiled.
template <class Runtime>
std::vector<event> events(const contest_settings& s) {
  auto& r = *new Runtime(s.threads);
  const auto jobs = s.size == 0 ? usual_jobs : static_cast<std::size_t>(s.size);
  constexpr auto number = [] { return 1; };
  constexpr bool posts = requires { r.post(counting_job{}); };
  constexpr bool hands_off = requires { r.hand_off(counting_job{}); };
  std::vector<event> all;
  if constexpr (requires { r.submit_and_get(number); }) all.push_back(round_trip(r));
  if constexpr (posts || hands_off) {
    // Both need a core: the one that looks, and the one that runs.
    if (s.threads >= 2) all.push_back(hand_off(r));
  }
  if constexpr (posts || requires { r.many(jobs, counting_job{}, submitted); }) {
    all.push_back(one_by_one(r, jobs));
  }
  if constexpr (requires { r.bulk(jobs, counting_job{}, submitted); })
    all.push_back(in_bulk(r, jobs));
  return all;
}

}  // namespace
}  // namespace filch::bench::submits

int main(int argc, char** argv) {
  using namespace filch::bench;
  return run_contest(argc, argv, {"submits", runtime::name, runtime::version()},
                     submits::events<runtime>);
}
