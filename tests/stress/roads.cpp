#include "roads.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "support/belonging.hpp"

namespace filch_test {
namespace {

using futures = std::vector<filch::future<void>>;

auto job_of(cells mine, std::size_t i) {
  return [mine, i, owned = belonging()] { mine.mark(i); };
}

void get_all(futures& jobs) {
  for (auto& job : jobs) job.get();
}

void submit(const filch::pool& pool, cells mine) {
  futures jobs;
  jobs.reserve(mine.size);
  for (std::size_t i = 0; i < mine.size; ++i) jobs.push_back(pool.submit(job_of(mine, i)));
  get_all(jobs);
}

// The newest first, so that waiter and workers meet in the middle.
void submit_and_wait_backwards(const filch::pool& pool, cells mine) {
  futures jobs;
  jobs.reserve(mine.size);
  for (std::size_t i = 0; i < mine.size; ++i) jobs.push_back(pool.submit(job_of(mine, i)));
  std::ranges::reverse(jobs);
  get_all(jobs);
}

void submit_and_get(const filch::pool& pool, cells mine) {
  for (std::size_t i = 0; i < mine.size; ++i) pool.submit(job_of(mine, i)).get();
}

// Jobs that make jobs: each has 15 more of its own.
void submit_from_jobs(const filch::pool& pool, cells mine) {
  constexpr std::size_t each = 16;
  futures jobs;
  for (std::size_t from = 0; from < mine.size; from += each) {
    const cells part{mine.first + from, std::min(each, mine.size - from)};
    jobs.push_back(pool.submit([&pool, part, owned = belonging()] {
      part.mark(0);
      futures inner;
      for (std::size_t i = 1; i < part.size; ++i) inner.push_back(pool.submit(job_of(part, i)));
      get_all(inner);
    }));
  }
  get_all(jobs);
}

void post(const filch::pool& pool, cells mine) {
  std::atomic<std::size_t> left{mine.size};
  for (std::size_t i = 0; i < mine.size; ++i) {
    pool.post([&left, mine, i, owned = belonging()] {
      mine.mark(i);
      left.fetch_sub(1);
    });
  }
  while (left != 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

void then(const filch::pool& pool, cells mine) {
  futures jobs;
  for (std::size_t i = 0; i + 1 < mine.size; i += 2) {
    jobs.push_back(pool.submit(job_of(mine, i)).then(job_of(mine, i + 1)));
  }
  if (mine.size % 2 != 0) jobs.push_back(pool.submit(job_of(mine, mine.size - 1)));
  get_all(jobs);
}

// Two of three jobs are cancelled while workers take them.
void cancel(const filch::pool& pool, cells mine) {
  constexpr std::size_t batch = 64;
  for (std::size_t from = 0; from < mine.size; from += batch) {
    const std::size_t to = std::min(from + batch, mine.size);
    futures jobs;
    for (std::size_t i = from; i < to; ++i) jobs.push_back(pool.submit(job_of(mine, i)));
    for (std::size_t i = jobs.size(); i-- > 0;) {
      if (i % 3 != 0) jobs[i].cancel();
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      try {
        jobs[i].get();
      } catch (const filch::cancelled&) {
        mine.excuse(from + i);
      }
    }
  }
}

void on_the_io_lane(const filch::pool& pool, cells mine) {
  futures jobs;
  const auto io = pool.with(filch::on_io);
  for (std::size_t i = 0; i < mine.size; ++i) {
    jobs.push_back(io.submit(job_of(mine, i)));
    if (jobs.size() == 64) {
      get_all(jobs);
      jobs.clear();
    }
  }
  get_all(jobs);
}

void in_a_scope(const filch::pool& pool, cells mine) {
  pool.scope([&](filch::job_scope& s) {
    for (std::size_t i = 0; i < mine.size; ++i) s.spawn(job_of(mine, i));
  });
}

void fork(const cells& mine, std::size_t low, std::size_t high) {
  if (high - low == 1) return mine.mark(low);
  const std::size_t middle = low + (high - low) / 2;
  filch::fork_join([&] { fork(mine, low, middle); }, [&] { fork(mine, middle, high); });
}
void fork_join(const filch::pool& pool, cells mine) {
  pool.fork_join([&] { fork(mine, 0, mine.size / 2); },
                 [&] { fork(mine, mine.size / 2, mine.size); });
}

void fork_join_n(const filch::pool& pool, cells mine) {
  pool.fork_join_n(mine.size, [&](std::size_t i) { mine.mark(i); });
}
void for_index(const filch::pool& pool, cells mine) {
  pool.for_index(std::size_t{0}, mine.size, [&](std::size_t i) { mine.mark(i); });
}
// Loops of 1 to 32 bodies, each begun from a body of another.
void small_loops(const filch::pool& pool, cells mine) {
  constexpr std::size_t each = 1056;  // 33 * 64 / 2 bodies in 32 * 2 loops
  pool.for_index(std::size_t{0}, (mine.size + each - 1) / each, [&](std::size_t k) {
    std::size_t at = k * each;
    const std::size_t end = std::min(at + each, mine.size);
    for (std::size_t n = 1; at < end; n = n % 32 + 1) {
      const std::size_t to = std::min(at + n, end);
      pool.for_index(at, to, [&](std::size_t i) { mine.mark(i); });
      at = to;
    }
  });
}
std::vector<std::size_t> numbers(std::size_t n) {
  std::vector<std::size_t> all(n);
  for (std::size_t i = 0; i < n; ++i) all[i] = i;
  return all;
}
void map(const filch::pool& pool, cells mine) {
  const auto sum = [&](std::size_t i) {
    mine.mark(i);
    return i;
  };
  const auto told = pool.map(sum, numbers(mine.size));
  // What did not come back in its place was not run for its place.
  for (std::size_t i = 0; i < told.size(); ++i) {
    if (told[i] != i) mine.mark(i);
  }
}
void map_async(const filch::pool& pool, cells mine) {
  constexpr std::size_t each = 1000;
  futures jobs;
  for (std::size_t from = 0; from < mine.size; from += each) {
    auto some = numbers(std::min(each, mine.size - from));
    jobs.push_back(
        pool.map_async([mine, from, owned = belonging()](std::size_t i) { mine.mark(from + i); },
                       std::move(some)));
  }
  get_all(jobs);
}
void stream(const filch::pool& pool, cells mine) {
  const auto mark = [mine](std::size_t i) {
    mine.mark(i);
    return i;
  };
  std::size_t at = 0;
  for (const std::size_t i : pool.imap(mark, numbers(mine.size))) {
    if (i != at++) mine.mark(i);
  }
}

constexpr road all_roads[] = {
    {"submit", unit::submitted, submit},
    {"submit, waits backwards", unit::submitted, submit_and_wait_backwards},
    {"submit and get", unit::submitted, submit_and_get, false, 8},
    {"submit from jobs", unit::submitted, submit_from_jobs},
    {"post", unit::submitted, post, true},
    {"then", unit::submitted, then},
    {"cancel", unit::submitted, cancel},
    {"io lane", unit::submitted, on_the_io_lane, false, 32},
    {"scope", unit::submitted, in_a_scope},
    {"fork_join", unit::half, fork_join},
    {"fork_join_n", unit::body, fork_join_n},
    {"for_index", unit::body, for_index},
    {"small loops", unit::body, small_loops},
    {"map", unit::body, map},
    {"map_async", unit::body, map_async},
    {"imap", unit::body, stream, false, 4},
};

}  // namespace

std::span<const road> roads() { return all_roads; }

}  // namespace filch_test
