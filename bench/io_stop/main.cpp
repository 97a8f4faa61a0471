#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/io.hpp>
#include <filch/pool.hpp>
#include <filch/queue.hpp>

#include "harness/program.hpp"
#include "harness/statistics.hpp"
#include "harness/table.hpp"
#include "support/silent_name.hpp"
#include "support/sockets.hpp"

/// How long a call that waits goes on after it was asked to stop.
namespace filch::bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using filch_test::channel;
using filch_test::listening_port;

struct settings {
  unsigned rounds = 1000;
  double target_ms = 1;
};

/// Every call in a state in which it waits for ever.
class endless_calls {
 public:
  using call = std::pair<std::string, std::function<void()>>;

  endless_calls() : full_queue_(1) {
    full_sockets_.fill();
    full_pipe_.fill();
    full_queue_.push(0);
    all_ = {
        {"read, socket", [this] { read(empty_sockets_); }},
        {"read, pipe", [this] { read(empty_pipe_); }},
        {"write, socket", [this] { io::write(full_sockets_.writer(), std::string_view("x")); }},
        {"write, pipe", [this] { io::write(full_pipe_.writer(), std::string_view("x")); }},
        {"accept", [this] { io::accept(quiet_.get()); }},
        {"connect, full backlog",
         [this] { io::connect("127.0.0.1", std::to_string(full_.number())); }},
        {"wait_readable", [this] { io::wait_readable(empty_pipe_.reader()); }},
        {"wait_writable", [this] { io::wait_writable(full_pipe_.writer()); }},
        {"sleep_for", [] { io::sleep_for(1h); }},
        {"resolve, silent server", [] { io::resolve("silent.test", "80"); }},
        {"interruptible(::read)",
         [this] {
           io::interruptible([this] {
             char byte = 0;
             return ::read(empty_pipe_.reader(), &byte, 1);
           });
           this_job::check();
         }},
        {"queue::pop", [this] { empty_queue_.pop(); }},
        {"queue::push", [this] { full_queue_.push(1); }},
    };
  }
  const std::vector<call>& all() const { return all_; }

 private:
  static void read(const channel& c) {
    char byte = 0;
    io::read(c.reader(), std::span(&byte, 1));
  }
  channel empty_sockets_{channel::kind::sockets}, empty_pipe_{channel::kind::pipe},
      full_sockets_{channel::kind::sockets}, full_pipe_{channel::kind::pipe};
  listening_port quiet_, full_{listening_port::kind::full};
  queue<int> empty_queue_, full_queue_;
  std::vector<call> all_;
};

/// Milliseconds from the request to the return, once a round: in turn just as the call begins, and
/// when it has gone to sleep.
std::vector<double> stop_times(const pool& p, const std::function<void()>& call, unsigned rounds) {
  std::vector<double> times;
  for (unsigned round = 0; round < rounds; ++round) {
    std::atomic<bool> begun{false};
    auto job = p.with(on_io).submit([&] {
      begun = true;
      try {
        call();
      } catch (const cancelled&) {
        return clock::now();
      }
      throw wrong_answer("a call that should wait for ever has returned");
    });
    while (!begun) std::this_thread::yield();
    if (round % 2 == 1) std::this_thread::sleep_for(300us);
    const auto asked = clock::now();
    // The job catches its stop, so its future has a value.
    job.cancel();
    const auto returned = std::move(job).get();
    times.push_back(std::chrono::duration<double, std::milli>(returned - asked).count());
  }
  return times;
}

void measure(report& out, const settings& s) {
  const pool p(2U);
  const endless_calls calls;
  table shown({"stop to return, ms, " + std::to_string(s.rounds) + " times each", "median", "p99",
               "longest"});
  out.data()["rounds"] = s.rounds;
  std::vector<std::pair<std::string, double>> tails;
  for (const auto& [name, call] : calls.all()) {
    out.progress().show(name.c_str(), tails.size(), calls.all().size());
    const auto times = stop_times(p, call, s.rounds);
    const double p99 = quantile(times, 0.99);
    out.data()["calls"].push_back({{"call", name},
                                   {"median_ms", quantile(times, 0.5)},
                                   {"p99_ms", p99},
                                   {"longest_ms", quantile(times, 1)}});
    shown.row({name, fixed(quantile(times, 0.5), 3), fixed(p99, 3), fixed(quantile(times, 1), 3)});
    tails.emplace_back(name, p99);
  }
  out.print("\n" + shown.text());
  for (const auto& [name, p99] : tails) out.target(name + ", p99 ms", p99, s.target_ms);
}

}  // namespace
}  // namespace filch::bench

int main(int argc, char** argv) {
  using namespace filch::bench;
  settings s;
  program bench("io_stop", "How long does a call that waits go on after it was asked to stop?");
  bench.options().add_option("--rounds", s.rounds, "stops of each call")->capture_default_str();
  return bench.run(argc, argv, [&s](report& out) { measure(out, s); });
}
