#include <cmath>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <thread>

#include <filch/filch.hpp>
#include <filch/select.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "own_urls.hpp"
#include "recipes.hpp"
#include "safe_file.hpp"
#include "server_process.hpp"
#include "text.hpp"

namespace demo {
namespace {

constexpr int wrong = 1;
constexpr int broken = 2;

struct arguments {
  std::vector<std::string> urls;
  std::vector<std::string> engines{"native", "tbb"};
  std::string json;
  bool force = false;
  bool quick = false;
  double timeout_seconds = 30;
};

void declare(CLI::App& app, arguments& a) {
  app.description(
      "Five recipes that Python programmers know, run by filch on its own scheduler and on "
      "oneTBB.\n"
      "Without URLs: the recipes, on a local web server that takes its time and on real work for\n"
      "the processor; about a minute. With URLs: these are fetched all at once, then raced.");
  app.add_option("urls", a.urls, "http and https URLs to fetch instead");
  app.add_option("--engine", a.engines, "run only on this engine; may be given several times")
      ->check(CLI::IsMember({"native", "tbb", "serial"}))
      ->allow_extra_args(false)
      ->default_str("native and tbb");
  app.add_flag("--quick", a.quick, "a tenth of the waiting and less work: a few seconds");
  app.add_option("--json", a.json, "write the figures to this new file")->type_name("FILE");
  app.add_flag("--force", a.force, "let --json replace a file");
  app.add_option("--timeout", a.timeout_seconds, "the time for each of your URLs")
      ->check(CLI::Range(0.001, 86400.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.footer(
      "Exit code: 0 if all answers were right (and every URL answered), 1 if not, 2 if the demo\n"
      "could not run.");
}

/// How many threads wanted a core in the last minute; 0 if the system does not tell.
double load_before() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : 0;
}

void introduce(const arguments& a, double load) {
  std::cout << "filch " << FILCH_DEMO_VERSION << ": five recipes, the same calls on "
            << (a.engines.size() == 1 ? "one engine:" : "each engine:");
  const char* between = " ";
  for (const auto& name : a.engines) {
    const filch::pool pool(filch::make_engine(name));
    std::cout << between << engine_title(name) << " (workers: " << pool.workers() << ')';
    between = ", ";
  }
  std::cout << ".\n";
  const unsigned cores = std::thread::hardware_concurrency();
  if (load > 0.5 * cores) {
    std::cout << "Other programs keep this machine busy (load " << std::lround(load) << " on "
              << cores << " cores): recipes 2, 3 and 5\nwill gain less than they could.\n";
  }
}

void explain(const figures& found) {
  std::cout
      << "\nTimes are seconds on the clock; of repeated runs, the median. \"arithmetic\" is how\n"
         "long the waiting must take: 14 pages, 4 at a time, are 4 rounds. \"right\": every\n"
         "answer was compared with what is known or with the plain loop's. Recipes 2, 3 and 5\n"
         "can at best divide the loop's time by the number of cores that nobody else uses.\n";
  if (!found.all_correct()) std::cout << "\nSome answers are WRONG: please report this.\n";
}

bool run_recipes(const arguments& a, nlohmann::json& json) {
  figures found;
  found.engines = a.engines;
  found.quick = a.quick;
  setting s{a.engines, a.quick, std::chrono::milliseconds(a.quick ? 100 : 1000), std::cout, found};
  found.latency_seconds = std::chrono::duration<double>(s.latency).count();
  found.load_before = load_before();
  introduce(a, found.load_before);
  const server_process server;
  std::cout.flush();
  map_pages(s, server);
  starmap_two_arrays(s);
  starmap_constant(s);
  race_mirrors(s, server);
  reduce_subranges(s);
  std::cout << '\n';
  found.print_table(std::cout);
  explain(found);
  json = found.to_json();
  return found.all_correct();
}

bool run(const arguments& a) {
  std::optional<safe_file> file;
  if (!a.json.empty()) file.emplace(a.json, a.force);
  nlohmann::json json;
  bool good = false;
  if (a.urls.empty()) {
    good = run_recipes(a, json);
  } else {
    own_urls mine(a.engines, a.urls,
                  std::chrono::milliseconds(static_cast<long>(a.timeout_seconds * 1000)),
                  std::cout);
    good = mine.run();
    json = mine.to_json();
  }
  if (file) {
    // Text from outside may not be UTF-8.
    file->commit(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
    std::cout << "\nThe figures are in " << printable(a.json) << ".\n";
  }
  return good;
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  CLI::App app;
  demo::arguments arguments;
  demo::declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : demo::broken;
  }
  try {
    // Progress goes to stderr: whoever reads along in a pipe wants each line as it comes.
    std::cout << std::unitbuf;
    return demo::run(arguments) ? 0 : demo::wrong;
  } catch (const std::exception& e) {
    std::cerr << "filch_demo: " << demo::printable(e.what()) << '\n';
    return demo::broken;
  }
}
