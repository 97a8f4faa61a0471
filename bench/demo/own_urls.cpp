#include "own_urls.hpp"

#include <cstddef>
#include <ostream>
#include <utility>

#include <filch/filch.hpp>
#include <filch/http.hpp>
#include <filch/select.hpp>

#include <nlohmann/json.hpp>

#include "text.hpp"

namespace demo {

using clock = std::chrono::steady_clock;

struct own_urls::page {
  int status = 0;
  std::size_t bytes = 0;
  double seconds = 0;
};

/// What came of a URL, or of the race (then `url` is the winner's).
struct own_urls::found {
  std::string verb;
  std::string engine;
  std::string url;
  page answer;
  std::string error;
};

own_urls::own_urls(std::vector<std::string> engines, std::vector<std::string> urls,
                   std::chrono::milliseconds timeout, std::ostream& out)
    : engines_(std::move(engines)), urls_(std::move(urls)), timeout_(timeout), out_(out) {}
own_urls::~own_urls() = default;

own_urls::page own_urls::fetch(const std::string& url) const {
  const auto start = clock::now();
  const auto answer = filch::http::get(url, {.timeout = timeout_});
  return {answer.status, answer.body.size(), seconds_since(start)};
}

bool own_urls::map_them(const std::string& engine) {
  filch::pool pool(filch::make_engine(engine, 1));
  const auto start = clock::now();
  const auto pages =
      pool.with({.lane = filch::lane::io, .on_progress = filch::progress_bar(engine_title(engine))})
          .map_try([this](const std::string& url) { return fetch(url); }, urls_);
  const double seconds = seconds_since(start);
  bool all = true;
  out_ << '\n' << engine_title(engine) << ": map, all at once\n";
  for (std::size_t i = 0; i < urls_.size(); ++i) {
    found f{"map", engine, urls_[i], {}, {}};
    if (pages[i]) {
      f.answer = *pages[i];
      out_ << "  " << right(std::to_string(f.answer.status), 3)
           << right(grouped(f.answer.bytes) + " bytes", 18)
           << right(seconds_text(f.answer.seconds), 11) << "  " << printable(urls_[i]) << '\n';
    } else {
      f.error = error_text(pages[i].error());
      out_ << "  no answer  " << printable(urls_[i]) << "\n       " << f.error << '\n';
      all = false;
    }
    found_.push_back(std::move(f));
  }
  out_ << "  together " << seconds_text(seconds) << '\n';
  return all;
}

void own_urls::race_them(const std::string& engine) {
  filch::pool pool(filch::make_engine(engine, 1));
  found f{"race", engine, {}, {}, {}};
  try {
    auto won = pool.race(
        [this](const std::string& url) {
          const auto start = clock::now();
          const auto answer = filch::http::get_ok(url, {.timeout = timeout_});
          return page{answer.status, answer.body.size(), seconds_since(start)};
        },
        urls_);
    f.url = urls_[won.index];
    f.answer = won.value;
    f.answer.seconds = std::chrono::duration<double>(won.elapsed).count();
    out_ << engine_title(engine) << ": race, first good answer after "
         << seconds_text(f.answer.seconds) << ": " << printable(f.url) << '\n';
  } catch (const filch::race_failed&) {
    f.error = error_text(std::current_exception());
    out_ << engine_title(engine) << ": race, no winner: " << f.error << '\n';
  }
  found_.push_back(std::move(f));
}

bool own_urls::run() {
  bool all = true;
  for (const auto& engine : engines_) all = map_them(engine) && all;
  out_ << '\n';
  if (urls_.size() > 1) {
    for (const auto& engine : engines_) race_them(engine);
  }
  return all;
}

nlohmann::json own_urls::to_json() const {
  auto out = nlohmann::json::object();
  out["filch"] = FILCH_DEMO_VERSION;
  out["engines"] = engines_;
  out["urls"] = nlohmann::json::array();
  for (const auto& f : found_) {
    nlohmann::json line = {{"verb", f.verb}, {"engine", f.engine}, {"url", f.url}};
    if (f.error.empty()) {
      line["status"] = f.answer.status;
      line["bytes"] = f.answer.bytes;
      line["seconds"] = f.answer.seconds;
    } else {
      line["error"] = f.error;
    }
    out["urls"].push_back(std::move(line));
  }
  return out;
}

}  // namespace demo
