#include <filch/http.hpp>
#include <filch/pool.hpp>
#include <filch/race.hpp>
#include <filch/select.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "harness/program.hpp"
#include "harness/statistics.hpp"
#include "harness/table.hpp"
#include "server_process.hpp"

/// How long the caller of a race waits beyond the winner's answer, and what becomes of the losers.
namespace filch::bench {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct settings {
  std::string server = FILCH_LATENCY_SERVER;
  std::string engine = "native";
  unsigned workers = 0;
  std::size_t races = 1000;
  std::size_t abandoned = 20;
  int latency_ms = 20;
};

/// The winner is the last in the list and neither the first to start nor the first to end.
std::vector<std::string> mirrors(const server_process& server, int latency_ms) {
  return {server.url("/delay/2000"), server.url("/reset/3"), server.url("/hang"),
          server.url("/delay/" + std::to_string(latency_ms))};
}
constexpr std::size_t good_mirror = 3;

double ms(clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

clock::time_point sent_at(const http::response& answer) {
  const std::string text(answer.header("X-Sent-At"));
  if (text.empty()) throw wrong_answer("the server did not say when it sent its answer");
  return clock::time_point(std::chrono::nanoseconds(std::stoll(text)));
}

http::response ask(std::stop_token stop, const std::string& url) {
  http::get_options options;
  options.stop = std::move(stop);
  return http::get_ok(url, options);
}

/// What the server has seen of the losers.
struct losers_seen {
  /// Requests that it owes an answer, to clients that are still there.
  std::size_t unanswered;
  /// Requests whose connection was closed on it before it had answered.
  std::size_t left;
};

losers_seen look(const server_process& server) {
  const auto stats = nlohmann::json::parse(http::get_ok(server.url("/stats")).body);
  const auto count = [&stats](const char* name) { return stats.at(name).get<std::size_t>(); };
  const std::size_t itself = 1;  // the question is a request without an answer so far
  return {count("requests") - count("served") - count("aborted") - count("dropped") - itself,
          count("aborted")};
}

/// Looks until no loser's request is open any more.
void wait_until_closed(const server_process& server) {
  const auto give_up = clock::now() + 2s;
  for (;;) {
    const auto seen = look(server);
    if (seen.unanswered == 0) return;
    if (clock::now() > give_up) {
      throw wrong_answer(std::to_string(seen.unanswered) +
                         " losers of a race that has returned are still connected");
    }
  }
}

struct joined_races {
  std::vector<double> after_answer;
  std::vector<double> beyond_latency;
  std::vector<double> until_seen_closed;
  std::size_t left = 0;
};

joined_races race_and_join(report& out, const pool& p, const server_process& server,
                           const settings& s) {
  const auto urls = mirrors(server, s.latency_ms);
  joined_races found;
  for (std::size_t i = 0; i < s.races; ++i) {
    out.progress().show("races, losers joined", i + 1, s.races);
    const auto start = clock::now();
    const auto winner = p.race(ask, urls);
    const auto returned = clock::now();
    if (winner.index != good_mirror) throw wrong_answer("a mirror won that should not have");
    found.after_answer.push_back(ms(returned - sent_at(winner.value)));
    found.beyond_latency.push_back(ms(returned - start) - s.latency_ms);
    wait_until_closed(server);
    found.until_seen_closed.push_back(ms(clock::now() - returned));
  }
  found.left = look(server).left;
  return found;
}

struct abandoning_races {
  std::vector<double> after_answer;
  std::size_t loser_still_slept = 0;
};

/// Beside the good mirror runs a contender that sleeps and does not listen.
abandoning_races race_and_abandon(report& out, const pool& p, const server_process& server,
                                  const settings& s) {
  static std::atomic<std::size_t> awake{0};
  const auto url = server.url("/delay/" + std::to_string(s.latency_ms));
  race_options<http::response> options;
  options.losers = losers::abandon;
  abandoning_races found;
  for (std::size_t i = 0; i < s.abandoned; ++i) {
    out.progress().show("races, losers abandoned", i + 1, s.abandoned);
    const std::size_t before = awake.load(std::memory_order_relaxed);
    const auto winner = p.race_of(
        options,
        [] {
          std::this_thread::sleep_for(1s);
          awake.fetch_add(1, std::memory_order_relaxed);
          return http::response{};
        },
        [url](std::stop_token stop) { return ask(std::move(stop), url); });
    const auto returned = clock::now();
    if (winner.index != 1) throw wrong_answer("a sleeper has won");
    found.after_answer.push_back(ms(returned - sent_at(winner.value)));
    if (awake.load(std::memory_order_relaxed) == before) ++found.loser_still_slept;
    while (awake.load(std::memory_order_relaxed) == before) std::this_thread::sleep_for(10ms);
  }
  return found;
}

nlohmann::ordered_json tell(table& shown, const std::string& what,
                            const std::vector<double>& sample) {
  nlohmann::ordered_json figures = {{"races", sample.size()},
                                    {"p50_ms", quantile(sample, 0.5)},
                                    {"p99_ms", quantile(sample, 0.99)},
                                    {"worst_ms", quantile(sample, 1.0)}};
  shown.row({what, std::to_string(sample.size()), fixed(quantile(sample, 0.5), 3),
             fixed(quantile(sample, 0.99), 3), fixed(quantile(sample, 1.0), 3)});
  return figures;
}

void measure(report& out, const settings& s) {
  const server_process server(s.server);
  const pool p(make_engine(s.engine, s.workers));
  const auto joined = race_and_join(out, p, server, s);
  const auto abandoning = race_and_abandon(out, p, server, s);

  auto& data = out.data();
  data["engine"] = s.engine;
  data["winner_latency_ms"] = s.latency_ms;
  table shown({"ms", "races", "p50", "p99", "worst"});
  data["joined"]["value_after_answer"] =
      tell(shown, "losers joined: winner's answer sent to value in hand", joined.after_answer);
  data["joined"]["race_beyond_latency"] = tell(
      shown, "losers joined: start to return, less the winner's latency", joined.beyond_latency);
  data["joined"]["seen_closed_after_return"] =
      tell(shown, "losers joined: return to the server's word that all are gone",
           joined.until_seen_closed);
  data["abandoned"]["value_after_answer"] = tell(
      shown, "losers abandoned: winner's answer sent to value in hand", abandoning.after_answer);
  data["abandoned"]["loser_still_slept"] = abandoning.loser_still_slept;
  out.print("\n" + shown.text());
  data["joined"]["left_requests_seen"] = joined.left;
  out.print("requests of losers that the server saw closed: " + std::to_string(joined.left) +
            ", none left open\n");
  out.target("p99 of the time from the winner's answer to the value, ms",
             quantile(joined.after_answer, 0.99), 5);
  out.target("races that returned only when an uncooperative abandoned loser had ended",
             static_cast<double>(s.abandoned - abandoning.loser_still_slept), 0);
}

}  // namespace
}  // namespace filch::bench

int main(int argc, char** argv) {
  using namespace filch::bench;
  settings s;
  program bench(
      "race_mirrors",
      "How long after the winner's answer does a race of four mirrors return, and are its "
      "losers gone?");
  auto& options = bench.options();
  options.add_option("--races", s.races, "races whose losers are joined")->capture_default_str();
  options.add_option("--abandoned", s.abandoned, "races whose losers are abandoned, a second each")
      ->capture_default_str();
  options.add_option("--latency", s.latency_ms, "the good mirror's latency in ms")
      ->capture_default_str();
  options.add_option("--engine", s.engine, "native, tbb or serial")->capture_default_str();
  options.add_option("--workers", s.workers, "cpu workers; 0: one per core")->capture_default_str();
  options.add_option("--server", s.server, "the program latency_server");
  return bench.run(argc, argv, [&s](report& out) { measure(out, s); });
}
