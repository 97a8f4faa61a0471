// The verbs that wait: for other threads, for descriptors, for results that no job makes.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/belonging.hpp"
#include "verbs.hpp"

namespace filch_test {
namespace {

using namespace std::chrono_literals;

void check(bool right, const char* what) {
  if (!right) throw wrong_answer(what);
}

void promise(const filch::pool& pool) {
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  auto next = answer.then([owned = belonging()](int x) { return x + 1; });
  pool.post([given = std::move(given), owned = belonging()]() mutable { given.set_value(41); });
  check(next.get() == 42, "a promise");
}

void race_of_futures(const filch::pool& pool) {
  const std::array<int, 3> ways{1, 2, 3};
  const auto later = [&pool, owned = belonging()](int x) {
    return pool.submit([x, mine = belonging()] { return 2 * x; });
  };
  check(pool.race(later, ways).value % 2 == 0, "a race of futures");
}

void staggered_race_of_futures(const filch::pool& pool) {
  const std::array<int, 3> ways{1, 2, 3};
  const auto later = [&pool](int x) {
    return pool.submit_after(300us, [x, mine = belonging()] { return x; });
  };
  const auto won = pool.race(later, ways, {.deadline = 1h, .stagger = 100us});
  check(won.value == static_cast<int>(won.index) + 1, "a staggered race of futures");
}

void hedge(const filch::pool& pool) {
  filch::latency_tracker known(0.9);
  filch::hedge_budget budget(0.5, 2);
  std::atomic<int> calls{0};
  const auto slow_once = [&, owned = belonging()] {
    if (++calls == 1) filch::io::sleep_for(1ms);
    return 4;
  };
  check(pool.hedge(slow_once, {.after = 200us, .budget = &budget, .latency = &known}).value == 4,
        "hedge");
}

void retry(const filch::pool& pool) {
  std::atomic<int> calls{0};
  const auto fails_twice = [&, owned = belonging()](int x) {
    if (++calls < 3) throw filch::rejected("not yet");
    return x;
  };
  const auto again = filch::retry(fails_twice, {.attempts = 3, .backoff = 10us});
  check(pool.submit(again, 5).get() == 5, "retry");
}

// One attempt more than it takes: memory that runs out in an attempt is a failure like others.
void retry_of_futures(const filch::pool& pool) {
  std::atomic<int> calls{0};
  const auto fails_twice = [&pool, &calls, owned = belonging()](int x) {
    return pool.submit([&calls, x, mine = belonging()] {
      if (++calls < 3) throw filch::rejected("not yet");
      return x;
    });
  };
  const auto again = filch::retry(fails_twice, {.attempts = 4, .backoff = 10us});
  check(pool.submit([&] { return again(5); }).get().get() == 5, "retry of futures");
}

/// Ten things go through a queue.
void hand_over(const filch::pool& pool, filch::queue<belonging>& through) {
  auto producer = pool.submit([&] {
    // Whoever waits at the other end must hear of the end, whatever comes.
    struct closer {
      filch::queue<belonging>& of;
      ~closer() { of.close(); }
    } at_the_end{through};
    for (int i = 0; i < 10; ++i) through.push(belonging());
  });
  int taken = 0;
  try {
    if (pool.stats().workers == 0) producer.wait();  // a pop does not know who is to push
    while (through.pop()) ++taken;
  } catch (...) {
    through.close();
    producer.wait();
    throw;
  }
  producer.get();
  check(taken == 10, "something pushed was not popped");
}

void queue(const filch::pool& pool) {
  filch::queue<belonging> all;
  hand_over(pool, all);
}

// Each end waits for the other in turn, which takes a thread at each.
void bounded_queue(const filch::pool& pool) {
  if (pool.stats().workers == 0) return;
  filch::queue<belonging> one(1);
  hand_over(pool, one);
}

class pipe_ends {
 public:
  pipe_ends() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::bad_alloc();
  }
  ~pipe_ends() {
    for (const int end : ends_) ::close(end);
  }
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;
  int out() const { return ends_[0]; }
  int in() const { return ends_[1]; }

 private:
  std::array<int, 2> ends_{-1, -1};
};

void io(const filch::pool& pool) {
  const pipe_ends ends;
  auto reader = pool.with(filch::on_io).submit([&, owned = belonging()] {
    std::array<char, 4> into{};
    const auto n = filch::io::read(ends.out(), into);
    return n == 4 && std::string_view(into.data(), n) == "word";
  });
  try {
    filch::io::write(ends.in(), std::string_view("word"));
    check(reader.get(), "what was written was not read");
  } catch (...) {
    reader.cancel();
    reader.wait();
    throw;
  }
}

void stopped_io(const filch::pool& pool) {
  const pipe_ends ends;
  auto reader = pool.submit([&, owned = belonging()] {
    const filch::on_stop note([] {});
    std::array<char, 4> into{};
    filch::io::read(ends.out(), into);
  });
  std::this_thread::sleep_for(200us);
  reader.cancel();
  try {
    reader.get();
    check(false, "a read came back that had nothing to read");
  } catch (const filch::cancelled&) {
  }
}

constexpr verb all_verbs[] = {
    {"promise", promise},
    {"race_of_futures", race_of_futures},
    {"staggered_race_of_futures", staggered_race_of_futures},
    {"hedge", hedge},
    {"retry", retry},
    {"retry_of_futures", retry_of_futures},
    {"queue", queue},
    {"bounded_queue", bounded_queue},
    {"io", io},
    {"stopped_io", stopped_io},
};

}  // namespace

std::span<const verb> waiting_verbs() { return all_verbs; }

std::span<const verb> verbs() {
  static const std::vector<verb> all = [] {
    std::vector<verb> both(computing_verbs().begin(), computing_verbs().end());
    both.insert(both.end(), waiting_verbs().begin(), waiting_verbs().end());
    return both;
  }();
  return all;
}

}  // namespace filch_test
