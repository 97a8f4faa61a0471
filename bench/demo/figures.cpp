#include "figures.hpp"

#include <algorithm>
#include <ostream>
#include <string_view>

#include <nlohmann/json.hpp>

#include "text.hpp"

namespace demo {
namespace {

constexpr std::size_t label_width = 30;
constexpr std::size_t yardstick_width = 20;
constexpr std::size_t time_width = 10;

std::string rule(std::size_t engines) {
  return ' ' + std::string(label_width + yardstick_width + engines * time_width + 9, '-') + '\n';
}

void print_row(std::ostream& out, const row& r) {
  out << "   " << left(r.label, label_width - 2)
      << right(r.yardstick + ' ' + seconds_text(r.yardstick_seconds), yardstick_width);
  bool correct = true;
  for (const auto& m : r.engines) {
    out << right(seconds_text(m.median()), time_width);
    correct = correct && m.correct;
  }
  out << (correct ? "    right\n" : "    WRONG\n");
}

}  // namespace

double measured::median() const {
  if (seconds.empty()) return 0;
  auto sorted = seconds;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

bool figures::all_correct() const {
  return std::all_of(rows.begin(), rows.end(), [](const row& r) {
    return std::all_of(r.engines.begin(), r.engines.end(),
                       [](const measured& m) { return m.correct; });
  });
}

void figures::print_table(std::ostream& out) const {
  out << ' ' << left("recipe", label_width) << right("compare with", yardstick_width + 1);
  for (const auto& name : engines) out << right(engine_title(name), time_width);
  out << "  answers\n" << rule(engines.size());
  std::string_view last;
  for (const auto& r : rows) {
    if (r.recipe != last) out << ' ' << r.recipe << '\n';
    last = r.recipe;
    print_row(out, r);
  }
  out << rule(engines.size());
}

nlohmann::json figures::to_json() const {
  auto out = nlohmann::json::object();
  out["filch"] = FILCH_DEMO_VERSION;
  out["quick"] = quick;
  out["latency_seconds"] = latency_seconds;
  out["load_before"] = load_before;
  out["engines"] = engines;
  out["correct"] = all_correct();
  out["rows"] = nlohmann::json::array();
  for (const auto& r : rows) {
    nlohmann::json line = {{"recipe", r.recipe},
                           {"label", r.label},
                           {"yardstick", r.yardstick},
                           {"yardstick_seconds", r.yardstick_seconds},
                           {"in_flight", r.in_flight}};
    for (std::size_t i = 0; i < r.engines.size(); ++i) {
      const auto& m = r.engines[i];
      line["results"][engines[i]] = {
          {"median_seconds", m.median()}, {"seconds", m.seconds}, {"correct", m.correct}};
    }
    out["rows"].push_back(std::move(line));
  }
  out["contenders"] = nlohmann::json::array();
  for (const auto& f : fates) {
    out["contenders"].push_back(
        {{"engine", f.engine}, {"mirror", f.mirror}, {"what", f.what}, {"seconds", f.seconds}});
  }
  return out;
}

}  // namespace demo
