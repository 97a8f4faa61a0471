#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/algorithm.hpp>
#include <filch/http.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/select.hpp>
#include <filch/submit.hpp>

#include "harness/program.hpp"
#include "harness/statistics.hpp"
#include "harness/table.hpp"
#include "support/latency_server.hpp"

/// What becomes of a pool whose jobs block without a word, and what it costs to notice.
namespace filch::bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct settings {
  std::vector<std::string> engines = {"native", "tbb"};
  unsigned rounds = 7;
};

double milliseconds_of(const auto& work) {
  const auto begin = clock::now();
  work();
  return std::chrono::duration<double, std::milli>(clock::now() - begin).count();
}

double thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Computes until the thread has used so much processor time.
void compute(std::chrono::duration<double> time) {
  const double end = thread_time() + time.count();
  while (thread_time() < end) {
  }
}

pool pool_of_two(const std::string& engine, bool notices) {
  return pool(make_engine(engine, 2), {.notice_blocking = notices, .warn_blocking = false});
}

/// Processes that want the processors.
class hogs {
 public:
  explicit hogs(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        for (;;) compute(1s);
      }
      children_.push_back(child);
    }
  }
  hogs(const hogs&) = delete;
  hogs& operator=(const hogs&) = delete;
  ~hogs() {
    for (const pid_t child : children_) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
  }

 private:
  std::vector<pid_t> children_;
};

/// Seconds of processor time of this process' threads whose name ends like that.
double time_of_threads(const std::string& ending) {
  double sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (!name.ends_with(ending)) continue;
    double nanoseconds = 0;
    std::ifstream(task.path() / "schedstat") >> nanoseconds;
    sum += nanoseconds * 1e-9;
  }
  return sum;
}

struct page {
  report& out;
  table shown{{"", "engine", "median", "longest", "unnoticed"}};
  std::vector<std::pair<std::string, std::pair<double, double>>> targets{};

  void tell(const std::string& what, const std::string& engine, const std::vector<double>& ms,
            const std::vector<double>& unnoticed, double target) {
    nlohmann::ordered_json all{{"what", what}, {"engine", engine}, {"ms", ms}};
    if (!unnoticed.empty()) all["ms_unnoticed"] = unnoticed;
    out.data()["times"].push_back(all);
    shown.row({what, engine, fixed(quantile(ms, 0.5), 1), fixed(quantile(ms, 1), 1),
               unnoticed.empty() ? "" : fixed(quantile(unnoticed, 0.5), 1)});
    if (target > 0)
      targets.emplace_back(what + ", " + engine + ", ms", std::pair(quantile(ms, 0.5), target));
  }
};

/// 64 jobs that sleep 50 ms, in each form, against the same pool that does not look.
void sleepers(page& to, const settings& s, const std::string& engine) {
  const std::vector<int> items(64);
  const auto sleep = [](int x) {
    std::this_thread::sleep_for(50ms);
    return x;
  };
  std::vector<double> map, map_unnoticed, submit;
  for (unsigned round = 0; round < s.rounds; ++round) {
    to.out.progress().show("64 sleepers", round, s.rounds);
    const auto p = pool_of_two(engine, true);
    map.push_back(milliseconds_of([&] { (void)p.map(sleep, items); }));
    submit.push_back(milliseconds_of([&] {
      std::vector<future<int>> jobs;
      for (int x : items) jobs.push_back(p.submit(sleep, x));
      for (auto& j : jobs) (void)j.wait_for(1min);
    }));
    if (round < 3) {
      const auto blind = pool_of_two(engine, false);
      map_unnoticed.push_back(milliseconds_of([&] { (void)blind.map(sleep, items); }));
    }
  }
  to.tell("map, 64 x sleep 50 ms", engine, map, map_unnoticed, engine == "native" ? 90 : 120);
  to.tell("submit, 64 x sleep 50 ms", engine, submit, {}, 0);
}

/// 14 pages that take a second, on a pool as users make it.
void pages(page& to, const settings& s, const std::string& engine) {
  const test::latency_server server;
  std::vector<std::string> urls;
  for (int i = 0; i < 14; ++i) urls.push_back(server.url("/delay/1000/" + std::to_string(i)));
  std::vector<double> times;
  for (unsigned round = 0; round < s.rounds; ++round) {
    to.out.progress().show("14 pages", round, s.rounds);
    const pool p(make_engine(engine, 0), {});
    times.push_back(milliseconds_of([&] {
      for (const auto& got : p.map([](const std::string& url) { return http::get(url); }, urls)) {
        if (got.status != 200) throw wrong_answer("a page");
      }
    }));
  }
  to.tell("map, 14 x http::get of 1 s", engine, times, {}, 1200);
}

/// Only computing jobs, with six other processes that want the processors.
void busy(page& to, const std::string& engine) {
  const hogs others(6);
  const auto p = pool_of_two(engine, true);
  const auto wall = clock::now();
  for (unsigned second = 0; second < 10; ++second) {
    to.out.progress().show("computing", second, 10);
    while (clock::now() < wall + std::chrono::seconds(second + 1)) {
      p.for_index(0, 50, [](int) { compute(1ms); });
    }
  }
  const double seconds = std::chrono::duration<double>(clock::now() - wall).count();
  const double percent = 100 * time_of_threads("-monitor") / seconds;
  const auto stats = p.stats();
  to.out.data()["busy"].push_back({{"engine", engine},
                                   {"monitor_percent", percent},
                                   {"looks", stats.looks_for_blocked},
                                   {"spares_started", stats.spares_started}});
  to.shown.row(
      {"computing beside 6 hogs: monitor, % of a core", engine, fixed(percent, 4), "", ""});
  to.targets.emplace_back("monitor, " + engine + ", % of a core", std::pair(percent, 0.1));
  to.targets.emplace_back("spares started while all compute, " + engine,
                          std::pair(static_cast<double>(stats.spares_started), 0.0));
}

/// A map that computes, alone and while 256 other jobs sleep; and how long those take.
void mixed(page& to, const settings& s, const std::string& engine) {
  std::vector<double> alone, beside, sleepers_took;
  const auto work = [](const pool& p) {
    return milliseconds_of([&] { p.for_index(0, 1000, [](int) { compute(1ms); }); });
  };
  for (unsigned round = 0; round < s.rounds; ++round) {
    to.out.progress().show("mixed load", round, s.rounds);
    const auto p = pool_of_two(engine, true);
    alone.push_back(work(p));
    const auto begin = clock::now();
    std::atomic<double> last{0};
    std::vector<future<void>> jobs;
    for (int i = 0; i < 256; ++i) {
      jobs.push_back(p.submit([&] {
        std::this_thread::sleep_for(200ms);
        last = std::chrono::duration<double, std::milli>(clock::now() - begin).count();
      }));
    }
    beside.push_back(work(p));
    for (auto& j : jobs) j.wait();
    sleepers_took.push_back(last);
  }
  to.tell("1 s of computing on 2 workers, alone", engine, alone, {}, 0);
  to.tell("the same beside 256 x sleep 200 ms", engine, beside, {}, 0);
  to.tell("those 256", engine, sleepers_took, {}, 0);
  std::vector<double> ratios;
  for (std::size_t i = 0; i < alone.size(); ++i) ratios.push_back(beside[i] / alone[i]);
  to.targets.emplace_back("computing beside sleepers / alone, " + engine,
                          std::pair(quantile(ratios, 0.5), 1 / 0.95));
}

void measure(report& out, const settings& s) {
  page to{out};
  for (const auto& engine : s.engines) {
    sleepers(to, s, engine);
    pages(to, s, engine);
    busy(to, engine);
    mixed(to, s, engine);
  }
  out.print("\n" + to.shown.text());
  for (const auto& [what, numbers] : to.targets) out.target(what, numbers.first, numbers.second);
}

}  // namespace
}  // namespace filch::bench

int main(int argc, char** argv) {
  using namespace filch::bench;
  settings s;
  program bench("blocking", "What becomes of a pool whose jobs block without a word?");
  bench.options().add_option("--rounds", s.rounds, "turns of each")->capture_default_str();
  bench.options().add_option("--engines", s.engines, "which engines")->capture_default_str();
  return bench.run(argc, argv, [&s](report& out) { measure(out, s); });
}
