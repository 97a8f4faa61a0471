#include <algorithm>
#include <cstddef>
#include <exception>
#include <ostream>
#include <thread>

#include <filch/filch.hpp>
#include <filch/http.hpp>
#include <filch/select.hpp>

#include "recipes.hpp"
#include "text.hpp"

namespace demo {
namespace {

using clock = std::chrono::steady_clock;
using filch::http::response;

constexpr std::size_t page_count = 14;
constexpr std::size_t smallest_page = 100;

response fetch(const std::string& url) { return filch::http::get_ok(url); }

/// Pages of different sizes, so that an answer in the wrong place is noticed.
std::vector<std::string> page_urls(const server_process& server,
                                   std::chrono::milliseconds latency) {
  std::vector<std::string> urls;
  for (std::size_t i = 0; i < page_count; ++i) {
    urls.push_back(server.url("/delay/" + std::to_string(latency.count()) + '/' +
                              std::to_string(smallest_page + i)));
  }
  return urls;
}

bool in_input_order(const std::vector<response>& pages) {
  if (pages.size() != page_count) return false;
  for (std::size_t i = 0; i < page_count; ++i) {
    if (pages[i].status != 200 || pages[i].body.size() != smallest_page + i) return false;
  }
  return true;
}

/// One case on one engine. The pool has one worker: what waits for the web needs none.
measured time_pages(const std::string& engine, std::size_t at_once, const row& r,
                    const std::vector<std::string>& urls) {
  filch::pool pool(filch::make_engine(engine, 1));
  const auto start = clock::now();
  const auto pages =
      pool.with({.in_flight = at_once,
                 .lane = filch::lane::io,
                 .on_progress = filch::progress_bar(engine_title(engine) + ", " + r.label)})
          .map(fetch, urls);
  return {{seconds_since(start)}, in_input_order(pages)};
}

struct mirror {
  std::string name;
  std::string url;
};

std::vector<mirror> four_mirrors(const server_process& server, std::chrono::milliseconds latency) {
  const auto times = [&](double factor) {
    return std::to_string(static_cast<long>(factor * static_cast<double>(latency.count())));
  };
  return {{"slow", server.url("/delay/" + times(3))},
          {"failing", server.url("/status/503/" + times(0.1))},
          {"hanging", server.url("/hang")},
          {"good", server.url("/delay/" + times(0.3))}};
}

/// Long enough that on a busy machine, too, every contender has begun before one has won.
std::chrono::milliseconds race_latency(const setting& s) {
  return std::max(s.latency, std::chrono::milliseconds(500));
}

/// Asks a mirror and notes how that ended. Each contender has a note of its own.
response ask(const mirror& from, fate& note, clock::time_point start) {
  try {
    auto answer = filch::http::get_ok(from.url);
    note.what = "answered";
    note.seconds = seconds_since(start);
    return answer;
  } catch (const filch::http::bad_status& failed) {
    note.what = "failed with status " + std::to_string(failed.status());
    note.seconds = seconds_since(start);
    throw;
  } catch (const filch::cancelled&) {
    note.what = "stopped";
    note.seconds = seconds_since(start);
    throw;
  } catch (...) {
    note.what = error_text(std::current_exception());
    note.seconds = seconds_since(start);
    throw;
  }
}

/// True when the server has seen `n` connections closed since it had seen `before`.
bool server_saw_closed(const server_process& server, std::size_t before, std::size_t n) {
  const auto start = clock::now();
  while (server.aborted() < before + n) {
    if (seconds_since(start) > 2) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

measured time_race(setting& s, const server_process& server, const std::string& engine) {
  const auto mirrors = four_mirrors(server, race_latency(s));
  std::vector<fate> fates(mirrors.size());
  const auto before = server.aborted();
  filch::pool pool(filch::make_engine(engine, 1));
  const auto start = clock::now();
  const auto won = pool.race([&](std::size_t i) { return ask(mirrors[i], fates[i], start); },
                             filch::range(mirrors.size()));
  const double seconds = seconds_since(start);
  // The losers have ended: that is what `losers::join`, the default, means.
  const bool closed = server_saw_closed(server, before, 2);

  s.out << "   " << engine_title(engine) << ": the winner is \"" << mirrors[won.index].name
        << "\" after " << seconds_text(std::chrono::duration<double>(won.elapsed).count())
        << "; race returned after " << seconds_text(seconds) << '\n';
  for (std::size_t i = 0; i < mirrors.size(); ++i) {
    fates[i].engine = engine;
    fates[i].mirror = mirrors[i].name;
    s.out << "     " << left(mirrors[i].name, 8) << " after " << seconds_text(fates[i].seconds)
          << ": " << fates[i].what << '\n';
    s.found.fates.push_back(fates[i]);
  }
  s.out << "     the server saw "
        << (closed ? "both unfinished connections closed\n"
                   : "NOT all unfinished connections closed\n");
  const bool right = mirrors[won.index].name == "good" && won.value.status == 200 && closed &&
                     fates[0].what == "stopped" && fates[2].what == "stopped";
  return {{seconds}, right};
}

}  // namespace

void map_pages(setting& s, const server_process& server) {
  const double latency = std::chrono::duration<double>(s.latency).count();
  s.out << "\n1. map: " << page_count << " web pages, each of which takes " << seconds_text(latency)
        << " to answer\n"
        << "   Python: Pool(4).map(urlopen, urls). You choose the number of threads; the original\n"
        << "   took 14.4 s with 1, 3.1 s with 4, 1.4 s with 8 and 1.3 s with 13.\n"
        << "   filch:  pool.with({.in_flight = 4, .lane = lane::io}).map(fetch, urls)\n"
        << "           or on a pool of one, without a number: pool.with(on_io).map(fetch, urls)\n";
  const auto urls = page_urls(server, s.latency);
  for (const std::size_t at_once : {1u, 4u, 8u, 13u, 0u}) {
    row r;
    r.recipe = "1 map: " + std::to_string(page_count) + " web pages";
    r.label = at_once == 0 ? "filch chooses" : std::to_string(at_once) + " at a time";
    r.in_flight = at_once;
    r.yardstick = "arithmetic";
    const std::size_t rounds = at_once == 0 ? 1 : (page_count + at_once - 1) / at_once;
    r.yardstick_seconds = latency * static_cast<double>(rounds);
    for (const auto& engine : s.engines) r.engines.push_back(time_pages(engine, at_once, r, urls));
    s.found.rows.push_back(std::move(r));
  }
}

void race_mirrors(setting& s, const server_process& server) {
  s.out << "\n4. race: four mirrors of one page; the first good answer counts\n"
        << "   Python: a daemon thread for each URL, all of them putting into one Queue; get() "
           "gives\n"
        << "   the first. The other threads go on until the program ends.\n"
        << "   filch:  pool.race(fetch, mirrors).value; the losers have ended when it returns\n";
  row r;
  r.recipe = "4 race: four mirrors";
  r.label = "the first good answer";
  r.yardstick = "best mirror";
  r.yardstick_seconds = 0.3 * std::chrono::duration<double>(race_latency(s)).count();
  for (const auto& engine : s.engines) r.engines.push_back(time_race(s, server, engine));
  s.found.rows.push_back(std::move(r));
}

}  // namespace demo
