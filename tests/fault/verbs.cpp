#include "verbs.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "support/belonging.hpp"
#include "support/counted.hpp"

namespace filch_test {
namespace {

using namespace std::chrono_literals;

constexpr int items = 40;

void check(bool right, const char* what) {
  if (!right) throw wrong_answer(what);
}

/// The numbers from 0, without memory.
auto input() { return std::views::iota(0, items); }

/// A job's callable: it owns something.
auto twice() {
  return [owned = belonging()](int i) { return 2 * i; };
}
void check_doubled(const std::vector<int>& made) {
  check(made.size() == items, "a map without all of its results");
  for (int i = 0; i < items; ++i) {
    check(made[static_cast<std::size_t>(i)] == 2 * i, "a map with a wrong result");
  }
}

/// Counts what runs, for verbs without results.
class tally {
 public:
  void add() { count_.fetch_add(1); }
  void check_is(int n) const { check(count_ == n, "a job was lost, or ran twice"); }
  void wait_for(int n) const {
    while (count_ < n) std::this_thread::sleep_for(100us);
  }

 private:
  std::atomic<int> count_{0};
};

int fib(int n) {
  if (n < 2) return n;
  const auto [a, b] = filch::fork_join([n] { return fib(n - 1); }, [n] { return fib(n - 2); });
  return a + b;
}

// ---- one job

void submit(const filch::pool& pool) {
  auto job = pool.submit(twice(), 4);
  check(job.get() == 8, "submit");
}
void submit_on_io(const filch::pool& pool) {
  auto job = pool.with(filch::on_io).submit(twice(), 4);
  check(job.get() == 8, "submit on the io lane");
}
// Whether the verb throws or not, what it accepted runs.
void post(const filch::pool& pool) {
  tally ran;
  int accepted = 0;
  std::exception_ptr error;
  try {
    for (; accepted < 5; ++accepted) pool.post([&ran, owned = belonging()] { ran.add(); });
  } catch (...) {
    error = std::current_exception();
  }
  // A pool without workers runs posted jobs when somebody waits for a later one.
  try {
    pool.submit([] {}).wait();
  } catch (const std::bad_alloc&) {
    // then there are workers: pools without are not tested without memory
  }
  ran.wait_for(accepted);
  if (error) std::rethrow_exception(error);
}
void submit_after(const filch::pool& pool) {
  check(pool.submit_after(100us, twice(), 4).get() == 8, "submit_after");
}
void then(const filch::pool& pool) {
  check(pool.submit(twice(), 4).then(twice()).then(twice()).get() == 32, "then");
}
void callbacks(const filch::pool& pool) {
  tally called;
  {
    auto job = pool.submit(twice(), 4);
    // The callback may run after `get`, so we wait for it before the tally ends.
    std::exception_ptr error;
    try {
      job.on_done([&called, owned = belonging()](int) { called.add(); });
    } catch (...) {
      error = std::current_exception();
    }
    job.wait();
    if (error) std::rethrow_exception(error);
    check(job.get() == 8, "submit");
    called.wait_for(1);
  }
  called.check_is(1);
}
void when_all(const filch::pool& pool) {
  std::vector<filch::future<int>> jobs;
  for (int i = 0; i < 5; ++i) jobs.push_back(pool.submit(twice(), i));
  const auto all = filch::when_all(std::move(jobs)).get();
  check(all.size() == 5 && all[4] == 8, "when_all");
}
void submit_from_jobs(const filch::pool& pool) {
  auto sum = pool.submit([&pool] {
    std::vector<filch::future<int>> jobs;
    for (int i = 0; i < 100; ++i) jobs.push_back(pool.submit(twice(), i));
    int all = 0;
    for (auto& job : jobs) all += job.get();
    return all;
  });
  check(sum.get() == 9900, "jobs that submit jobs");
}

// ---- maps and loops

void map(const filch::pool& pool) { check_doubled(pool.map(twice(), input())); }
void map_on_io(const filch::pool& pool) {
  check_doubled(pool.with({.in_flight = 4, .lane = filch::lane::io}).map(twice(), input()));
}
void map_async(const filch::pool& pool) { check_doubled(pool.map_async(twice(), input()).get()); }
void map_with_a_time_limit(const filch::pool& pool) {
  check_doubled(pool.with({.timeout = 1h, .timeout_each = 1h}).map(twice(), input()));
}
void map_try(const filch::pool& pool) {
  const auto told = pool.map_try(twice(), input());
  for (int i = 0; i < items; ++i) {
    const auto& one = told.at(static_cast<std::size_t>(i));
    if (!one.has_value()) std::rethrow_exception(one.error());
    check(one.value() == 2 * i, "map_try");
  }
}
void for_index(const filch::pool& pool) {
  tally ran;
  pool.for_index(0, items, [&](int) { ran.add(); });
  ran.check_is(items);
}
void reduce(const filch::pool& pool) {
  check(pool.reduce(input(), 0, std::plus<>()) == items * (items - 1) / 2, "reduce");
}
void sort(const filch::pool& pool) {
  std::array<int, 5000> numbers{};
  std::iota(numbers.rbegin(), numbers.rend(), 0);
  pool.sort(numbers);
  check(std::ranges::is_sorted(numbers), "sort");
}
void imap(const filch::pool& pool) {
  int at = 0;
  for (const int made : pool.imap(twice(), input())) check(made == 2 * at++, "imap");
  check(at == items, "imap");
}
void imap_unordered(const filch::pool& pool) {
  int sum = 0;
  for (const auto& made : pool.imap_unordered(twice(), input())) sum += made.value;
  check(sum == items * (items - 1), "imap_unordered");
}

void imap_of_futures(const filch::pool& pool) {
  int at = 0;
  const auto later = [&pool](int x) { return pool.submit(twice(), x); };
  for (const int made : pool.imap(later, input(), {.in_flight = 4})) {
    check(made == 2 * at++, "imap of futures");
  }
  check(at == items, "imap of futures");
}
void imap_by_key(const filch::pool& pool) {
  const auto key = [](int x) {
    return "a key too long for a string's own room " + std::to_string(x % 3);
  };
  int sum = 0;
  for (const auto& made :
       pool.imap_unordered(twice(), input(), {.in_flight = 4, .key = key, .per_key = 1})) {
    sum += made.value;
  }
  check(sum == items * (items - 1), "imap by key");
}
// Each attempt that finds no descriptor becomes another job; without memory for it its error
// stands.
void imap_short_of_descriptors(const filch::pool& pool) {
  std::atomic<int> open{0};
  const auto f = [&open, owned = belonging()](int i) {
    const bool found = open.fetch_add(1) < 2;
    if (found) std::this_thread::sleep_for(50us);
    open.fetch_sub(1);
    if (!found) throw std::system_error(std::make_error_code(std::errc::too_many_files_open));
    return 2 * i;
  };
  std::array<int, items> xs{};
  std::iota(xs.begin(), xs.end(), 0);
  int at = 0;
  try {
    for (const int made : pool.imap(f, xs, {.in_flight = 6, .lane = filch::lane::io})) {
      check(made == 2 * at++, "imap short of descriptors");
    }
  } catch (const std::system_error&) {
    throw std::bad_alloc();
  }
  check(at == items, "imap short of descriptors");
}
void imap_with_a_time_limit(const filch::pool& pool) {
  int at = 0;
  for (const int made :
       pool.imap(twice(), input(), {.lane = filch::lane::io, .timeout_each = 1h})) {
    check(made == 2 * at++, "imap with a time limit");
  }
  check(at == items, "imap with a time limit");
}

// ---- forks, scopes, races

void fork_join(const filch::pool& pool) {
  const auto [a, b] = pool.fork_join([] { return fib(9); }, [] { return fib(8); });
  check(a == 34 && b == 21, "fork_join");
}
void fork_join_in_a_job(const filch::pool& pool) {
  check(pool.submit([] { return fib(10); }).get() == 55, "fork_join in a job");
}
void fork_join_n(const filch::pool& pool) {
  tally ran;
  pool.fork_join_n(items, [&](std::size_t) { ran.add(); });
  ran.check_is(items);
}
void scope(const filch::pool& pool) {
  tally ran;
  pool.scope([&](filch::job_scope& s) {
    for (int i = 0; i < items; ++i) s.spawn([&ran, owned = belonging()] { ran.add(); });
  });
  ran.check_is(items);
}
void race(const filch::pool& pool) {
  const std::array<int, 3> ways{1, 2, 3};
  check(pool.race(twice(), ways).value % 2 == 0, "race");
}
void race_of(const filch::pool& pool) {
  check(pool.race_of([] { return 1; }, [] { return 1; }).value == 1, "race_of");
}
void staggered_race(const filch::pool& pool) {
  const std::array<int, 3> ways{1, 2, 3};
  check(pool.race(twice(), ways, {.deadline = 1h, .stagger = 200us}).value % 2 == 0, "race");
}
void first_n(const filch::pool& pool) {
  const std::array<int, 3> ways{1, 2, 3};
  check(pool.first_n(2, twice(), ways).size() == 2, "first_n");
}
// Both workers and more sleep in jobs whose children must run all the same.
void nested_waits(const filch::pool& pool) {
  std::vector<filch::future<int>> jobs;
  for (int i = 0; i < 4; ++i) {
    jobs.push_back(pool.submit([&pool, i] {
      auto inner = pool.submit([i] {
        std::this_thread::sleep_for(200us);
        return i;
      });
      const bool soon = inner.wait_for(100us);
      return inner.get() + (soon ? 0 : 0);
    }));
  }
  for (int i = 0; i < 4; ++i) check(jobs[static_cast<std::size_t>(i)].get() == i, "nested waits");
}

void graph(const filch::pool& pool) {
  filch::graph g;
  const auto a = g.add([mine = belonging()] { return std::make_unique<belonging>(); }).name("a");
  const auto b = g.add([](const std::unique_ptr<belonging>&) { return 20; }, a);
  const auto c = g.add([](const std::unique_ptr<belonging>&) { return 22; }, a);
  const auto d = g.add([](int x, int y) { return x + y; }, b, c).succeed(a);
  auto run = pool.with({.name = "a name that is too long for a string's own room"}).run(g);
  check(run.get(d) == 42, "a graph's result is wrong");
}

void graph_with_a_loop(const filch::pool& pool) {
  filch::graph g;
  int n = 0;
  const auto body = g.add([&n] { return ++n; });
  const auto out = g.add([](int x) { return x; }, body);
  g.branch([](int x) { return x < 4; }, body).to(body, out);
  check(pool.run(g).get(out) == 4, "a loop ran another number of times");
}

void graph_with_parts(const filch::pool& pool) {
  filch::graph inner;
  const auto one = inner.add([mine = belonging()] { return 1; });
  filch::graph g;
  const auto part = g.compose(inner, one);
  std::atomic<int> ran{0};
  const auto made = g.add(
      [&ran](filch::subgraph& s, int x) {
        for (int i = 0; i < 3; ++i) s.add([&ran, mine = belonging()] { ++ran; });
        return x;
      },
      part);
  auto run = pool.run(g);
  check(run.get(made) == 1 && ran == 3, "parts of a graph are missing");
}

void graph_on_io(const filch::pool& pool) {
  filch::graph g;
  std::atomic<int> tries{0};
  const auto a = g.add([&tries, mine = belonging()] {
                    if (++tries == 1) throw std::bad_alloc();
                    return 3;
                  })
                     .lane(filch::lane::io)
                     .retry(1, std::chrono::microseconds(50));
  const auto b = g.add([](int x) { return x + 1; }, a);
  check(pool.run(g).get(b) == 4, "a blocking node's result is wrong");
}

constexpr verb all_verbs[] = {
    {"submit", submit},
    {"submit_on_io", submit_on_io},
    {"post", post},
    {"submit_after", submit_after},
    {"then", then},
    {"callbacks", callbacks},
    {"when_all", when_all},
    {"submit_from_jobs", submit_from_jobs},
    {"map", map},
    {"map_on_io", map_on_io},
    {"map_async", map_async},
    {"map_with_a_time_limit", map_with_a_time_limit},
    {"map_try", map_try},
    {"for_index", for_index},
    {"reduce", reduce},
    {"sort", sort},
    {"imap", imap},
    {"imap_unordered", imap_unordered},
    {"imap_of_futures", imap_of_futures},
    {"imap_by_key", imap_by_key},
    {"imap_short_of_descriptors", imap_short_of_descriptors},
    {"imap_with_a_time_limit", imap_with_a_time_limit},
    {"fork_join", fork_join},
    {"fork_join_in_a_job", fork_join_in_a_job},
    {"fork_join_n", fork_join_n},
    {"scope", scope},
    {"race", race},
    {"race_of", race_of},
    {"staggered_race", staggered_race},
    {"first_n", first_n},
    {"nested_waits", nested_waits},
    {"graph", graph},
    {"graph_with_a_loop", graph_with_a_loop},
    {"graph_with_parts", graph_with_parts},
    {"graph_on_io", graph_on_io},
};

}  // namespace

std::span<const verb> computing_verbs() { return all_verbs; }

bool try_verb(const verb& v, const filch::pool& pool) {
  try {
    v.call(pool);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const filch::error&) {
    return false;
  }
}

void require_usable(const filch::pool& pool) {
  check(eventually([] { return belonging::alive() == 0; }), "what belonged to a job is left");
  for (const auto call : {submit, post, map, fork_join, for_index, scope, submit_from_jobs}) {
    call(pool);
  }
  check(eventually([] { return belonging::alive() == 0; }), "what belonged to a job is left");
}

}  // namespace filch_test
