#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "cilksort/workload.hpp"

/// Measures what this machine's operations cost, in nanoseconds, and prints them as JSON. Medians;
/// what two threads do together, they do on two cores.
namespace filch::bench::scale {
namespace {

double now_ns() { return now() * 1e9; }
double median(std::vector<double> v) {
  if (v.empty()) return 0;
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

void stay_on(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

template <class F>
double per_call(F&& f) {
  constexpr int calls = 2000;
  std::vector<double> times;
  for (int round = 0; round < 101; ++round) {
    const double begin = now_ns();
    for (int i = 0; i < calls; ++i) f();
    times.push_back((now_ns() - begin) / calls);
  }
  return median(times);
}

// order: one word that two threads hand to each other; a seq_cst measure of its way
double way_of_a_line() {
  alignas(64) static std::atomic<int> word{0};
  constexpr int rounds = 1000, batches = 101;
  std::thread other([] {
    stay_on(1);
    for (int i = 0; i < rounds * batches; ++i) {
      while (word.load() != 2 * i + 1) {
      }
      word.store(2 * i + 2);
    }
  });
  std::vector<double> times;
  int i = 0;
  for (int b = 0; b < batches; ++b) {
    const double begin = now_ns();
    for (int r = 0; r < rounds; ++r, ++i) {
      word.store(2 * i + 1);
      while (word.load() != 2 * i + 2) {
      }
    }
    times.push_back((now_ns() - begin) / rounds / 2);
  }
  other.join();
  return median(times);
}

void barrier() { ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

struct barriers {
  double alone, one_core, interruption;
};

/// The longest gap between two looks at the clock of a thread that does nothing else.
class watched_thread {
 public:
  watched_thread() : thread_([this] { watch(); }) {}
  ~watched_thread() {
    // order: [relaxed: only that it ends]
    ends_.store(true, std::memory_order_relaxed);
    thread_.join();
  }
  watched_thread(const watched_thread&) = delete;
  watched_thread& operator=(const watched_thread&) = delete;

  /// Forgets the gaps so far; it has a core and runs when this returns.
  void begin() noexcept {
    fresh_.store(false);
    while (!fresh_.load()) {
    }
  }
  double worst_gap() const noexcept { return worst_.load(); }

 private:
  void watch() noexcept {
    stay_on(1);
    double last = now_ns(), worst = 0;
    // order: [relaxed: as above]
    while (!ends_.load(std::memory_order_relaxed)) {
      const double t = now_ns();
      if (!fresh_.load()) {
        worst_.store(worst = 0);
        fresh_.store(true);
        last = now_ns();
        continue;
      }
      if (t - last > worst) worst_.store(worst = t - last);
      last = t;
    }
  }
  std::atomic<bool> fresh_{false}, ends_{false};
  std::atomic<double> worst_{0};
  std::thread thread_;
};

void wait_ns(double ns) {
  const double begin = now_ns();
  while (now_ns() - begin < ns) {
  }
}

barriers cost_of_barriers() {
  ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
  barriers b{};
  std::vector<double> alone, beside, gaps, usual;
  {
    // A second thread, or the kernel has nobody to think of.
    std::atomic<int> over{0};
    std::thread sleeper([&over] { over.wait(0); });
    for (int i = 0; i < 1001; ++i) {
      const double begin = now_ns();
      barrier();
      alone.push_back(now_ns() - begin);
      wait_ns(10'000);
    }
    over = 1;
    over.notify_one();
    sleeper.join();
  }
  watched_thread other;
  for (int i = 0; i < 1001; ++i) {
    other.begin();
    wait_ns(2'000);
    usual.push_back(other.worst_gap());
    other.begin();
    const double begin = now_ns();
    barrier();
    beside.push_back(now_ns() - begin);
    wait_ns(2'000);
    gaps.push_back(other.worst_gap());
  }
  b.alone = median(alone);
  b.one_core = median(beside);
  b.interruption = std::max(0.0, median(gaps) - median(usual));
  return b;
}

long futex(std::atomic<std::uint32_t>& word, int what, std::uint32_t value) {
  return ::syscall(SYS_futex, &word, what | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

struct sleeping {
  double wake_call, latency, nobody;
};

sleeping cost_of_sleep() {
  constexpr std::uint32_t rounds = 501;
  static std::atomic<std::uint32_t> word{0};
  static std::atomic<double> woken_at{0};
  std::thread sleeper([&] {
    stay_on(1);
    for (std::uint32_t i = 0; i < rounds; ++i) {
      while (word.load() == i) futex(word, FUTEX_WAIT, i);
      woken_at.store(now_ns());
    }
  });
  std::vector<double> calls, latencies;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    const double begin = now_ns();
    woken_at.store(0);
    word.store(i + 1);
    futex(word, FUTEX_WAKE, 1);
    calls.push_back(now_ns() - begin);
    while (woken_at.load() == 0) {
    }
    latencies.push_back(woken_at.load() - begin);
  }
  sleeper.join();
  return {median(calls), median(latencies), per_call([] { futex(word, FUTEX_WAKE, 1); })};
}

struct starting {
  double call, latency;
};
starting cost_of_threads() {
  std::vector<double> calls, latencies;
  for (int i = 0; i < 201; ++i) {
    double began = 0;
    const double begin = now_ns();
    std::thread t([&began] { began = now_ns(); });
    calls.push_back(now_ns() - begin);
    t.join();
    latencies.push_back(began - begin);
  }
  return {median(calls), median(latencies)};
}

/// The serial sort, with a clock at its leaves.
class timed_sort {
 public:
  double sorted = 0, sort_ns = 0, merged = 0, merge_ns = 0, splits = 0, split_ns = 0;

  void sort(cilksort::numbers data, cilksort::numbers scratch) {
    if (data.size() <= cilksort::short_sort) {
      const double begin = now_ns();
      std::sort(data.begin(), data.end());
      sort_ns += now_ns() - begin;
      const auto n = static_cast<double>(data.size());
      sorted += n * std::log2(std::max(n, 2.0));
      return;
    }
    const auto d = cilksort::quartered(data);
    const auto s = cilksort::quartered(scratch);
    sort(d.one, s.one);
    sort(d.two, s.two);
    sort(d.three, s.three);
    sort(d.four, s.four);
    merge(d.one, d.two, s.low);
    merge(d.three, d.four, s.high);
    merge(s.low, s.high, data);
  }

 private:
  void merge(cilksort::numbers a, cilksort::numbers b, cilksort::numbers out) {
    if (a.size() < b.size()) std::swap(a, b);
    const double begin = now_ns();
    if (out.size() <= cilksort::short_merge) {
      cilksort::merge_serially(a, b, out);
      merge_ns += now_ns() - begin;
      merged += static_cast<double>(out.size());
      return;
    }
    const auto h = cilksort::split(a, b, out);
    split_ns += now_ns() - begin;
    splits += 1;
    merge(h.a_low, h.b_low, h.out_low);
    merge(h.a_high, h.b_high, h.out_high);
  }
};

void print(const char* name, double ns) { std::printf("  \"%s\": %.3f,\n", name, ns); }

void measure() {
  stay_on(0);
  std::printf("{\n");
  print("pause", per_call([] { __builtin_ia32_pause(); }));
  print("clock", per_call([] { now(); }));
  // order: what the fence itself costs
  print("fence", per_call([] { std::atomic_thread_fence(std::memory_order_seq_cst); }));
  std::atomic<int> word{0};
  // order: [relaxed: what the exchange itself costs]
  print("exchange", per_call([&] { word.fetch_add(1, std::memory_order_relaxed); }));
  print("line", way_of_a_line());
  const auto b = cost_of_barriers();
  print("barrier", b.alone);
  print("barrier_beside", b.one_core);
  print("interruption", b.interruption);
  const auto s = cost_of_sleep();
  print("wake_call", s.wake_call);
  print("wake_latency", s.latency);
  print("wake_nobody", s.nobody);
  const auto t = cost_of_threads();
  print("start_call", t.call);
  print("start_latency", t.latency);
  std::vector<double> sorts, merges, splits;
  cilksort::problem p(0);
  for (int i = 0; i < 5; ++i) {
    p.prepare();
    timed_sort run;
    run.sort(p.data(), p.scratch());
    p.check();
    sorts.push_back(run.sort_ns / run.sorted);
    merges.push_back(run.merge_ns / run.merged);
    splits.push_back(run.split_ns / run.splits);
  }
  print("merge_split", median(splits));
  print("merge_element", median(merges));
  std::printf("  \"sort_element\": %.3f\n}\n", median(sorts));
}

}  // namespace
}  // namespace filch::bench::scale

int main() { filch::bench::scale::measure(); }
