#include "easy_racer_server.hpp"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "easy_racer_crowd.hpp"
#include "http_loop.hpp"

namespace filch::test {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t many = 10'000;

/// The first name and value of a request's query; the value is empty if there is none.
std::optional<std::pair<std::string, std::string>> query_of(peer& client) {
  const char* text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(client.request()));
  if (!text || *text == '\0') return {};
  const std::string query(text);
  const auto name = query.substr(0, query.find_first_of("=&"));
  const auto rest = query.substr(name.size());
  if (!rest.starts_with('=')) return {{name, ""}};
  return {{name, rest.substr(1, rest.find('&') - 1)}};
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

class easy_racer_server::course {
 public:
  explicit course(std::chrono::seconds blocker) : blocker_(blocker) {
    crowds_[4].on_gone = [this](peer&) { crowds_[4].open(); };
    crowds_[8].on_gone = [this](peer& who) {
      if (user_ == &who) user_ = nullptr;
    };
    loop_.emplace([this](peer& client, const server_counters&) { route(client); });
  }
  std::uint16_t port() const noexcept { return loop_->port(); }

 private:
  void route(peer& client) {
    using scenario = void (course::*)(peer&, crowd&);
    static constexpr std::array<scenario, 11> all{
        &course::first_of_two, &course::second_fails, &course::ten_thousand, &course::one_gives_up,
        &course::one_is_bad,   &course::one_of_three, &course::hedge,        &course::resource,
        &course::letters,      &course::blocker,      &course::nested};
    const std::string path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(client.request()));
    const auto which = number(path.substr(1));
    if (!which || *which < 1 || *which > all.size()) {
      return client.answer(path == "/" ? HTTP_OK : HTTP_NOTFOUND, "");
    }
    const auto n = static_cast<std::size_t>(*which);
    (this->*all[n - 1])(client, crowds_[n]);
  }

  static void right(crowd& all, peer& who) { all.answer(who, HTTP_OK, "right"); }
  static void wrong(crowd& all, peer& who) { all.answer(who, HTTP_INTERNAL, "wrong"); }
  static void right_in_a_second(crowd& all, peer& who) {
    who.after(1s, [&] { right(all, who); });
  }

  void first_of_two(peer& who, crowd& all) {
    if (all.enter(who) != 1) return all.open();
    all.when_open(who, [&] { right(all, who); });
  }

  void second_fails(peer& who, crowd& all) {
    if (all.enter(who) == 1) return all.when_open(who, [&] { right_in_a_second(all, who); });
    all.open();
    all.drop(who);
  }

  void ten_thousand(peer& who, crowd& all) {
    if (all.enter(who) == many) right(all, who);
  }

  void one_gives_up(peer& who, crowd& all) {
    all.enter(who);
    all.when_open(who, [&] { right(all, who); });
  }

  void one_is_bad(peer& who, crowd& all) {
    if (all.enter(who) == 1) return all.when_open(who, [&] { wrong(all, who); });
    all.open();
    right_in_a_second(all, who);
  }

  void one_of_three(peer& who, crowd& all) {
    const auto place = all.enter(who);
    if (place == 1) return all.when_open(who, [&] { wrong(all, who); });
    if (place == 2) return all.when_open(who, [&] { right_in_a_second(all, who); });
    all.open();
  }

  void hedge(peer& who, crowd& all) {
    if (all.enter(who) == 1) {
      first_came_ = clock::now();
      return all.when_open(who, [&] {
        all.answer(who, HTTP_OK, clock::now() - first_came_ > 2s ? "right" : "wrong");
      });
    }
    all.open();
  }

  void resource(peer& who, crowd& all) {
    const auto asked = query_of(who);
    if (asked && asked->first == "open") {
      who.answer(HTTP_OK, "id-" + std::to_string(++ids_));
    } else if (asked && asked->first == "use") {
      use(who, all, asked->second);
    } else if (asked && asked->first == "close") {
      who.answer(HTTP_OK, "");
      if (all.present() != 1 || !user_) return;
      all.answer(*std::exchange(user_, nullptr), HTTP_OK,
                 asked->second != users_id_ ? "right" : "wrong");
    } else {
      who.answer(HTTP_BADREQUEST, "say ?open, ?use=ID or ?close=ID\n");
    }
  }

  void use(peer& who, crowd& all, const std::string& id) {
    if (all.enter(who) == 1) return all.when_open(who, [&] { wrong(all, who); });
    user_ = &who;
    users_id_ = id;
    all.open();
  }

  void letters(peer& who, crowd& all) {
    const auto place = all.enter(who);
    all.when_open(who, [this, &who, &all] { letter(who, all); });
    if (place != 10) return;
    deck_ = {0, 1, 2, 3, 4, -1, -1, -1, -1, -1};
    std::shuffle(deck_.begin(), deck_.end(), random_);
    all.open();
  }

  void letter(peer& who, crowd& all) {
    const int drawn = deck_.back();
    deck_.pop_back();
    if (drawn < 0) return wrong(all, who);
    who.after(std::chrono::seconds(drawn), [&who, &all, drawn] {
      all.answer(who, HTTP_OK,
                 std::string_view("right").substr(static_cast<std::size_t>(drawn), 1));
    });
  }

  void blocker(peer& who, crowd&) {
    const auto asked = query_of(who);
    if (!asked) return who.answer(HTTP_BADREQUEST, "say ?ID or ?ID=LOAD\n");
    if (asked->second.empty()) {
      blocked_[asked->first] = {clock::now(), {}};
      return who.after(blocker_, [&who] { who.answer(HTTP_OK, ""); });
    }
    const auto load = number(asked->second);
    if (!load) return who.answer(HTTP_BADREQUEST, "the load is no number\n");
    const auto found = blocked_.find(asked->first);
    if (found == blocked_.end()) return who.answer(HTTP_MOVETEMP, "");
    report(who, found->second, *load);
  }

  struct blocked {
    clock::time_point since;
    std::vector<double> loads;
  };

  void report(peer& who, blocked& by, double load) const {
    if (clock::now() < by.since + blocker_) {
      by.loads.push_back(load);
      return who.answer(HTTP_MOVETEMP, "");
    }
    const auto least = static_cast<std::size_t>(blocker_.count() - 1);
    if (by.loads.size() < least) return who.answer(HTTP_BADREQUEST, "not enough readings\n");
    const double mean = std::accumulate(by.loads.begin(), by.loads.end(), 0.0) /
                        static_cast<double>(by.loads.size());
    if (load > 0.3) return who.answer(HTTP_MOVETEMP, "the load is still too high\n");
    // The original wants to see a core near fully loaded. Where other programs have a part of it
    // no client can show that, and half of one is still no idle process.
    if (mean < 0.5) return who.answer(HTTP_BADREQUEST, "no cpu was near fully loaded\n");
    who.answer(HTTP_OK, "right");
  }

  void nested(peer& who, crowd& all) {
    if (all.enter(who) == 3) {
      all.open();
      return right(all, who);
    }
    all.when_open(who, [&] { all.drop(who); });
  }

  const std::chrono::seconds blocker_;
  std::array<crowd, 12> crowds_;
  clock::time_point first_came_;
  unsigned ids_ = 0;
  peer* user_ = nullptr;  // of /8: who waits until the other's resource is given back
  std::string users_id_;
  std::vector<int> deck_;
  std::mt19937 random_{std::random_device()()};
  std::map<std::string, blocked> blocked_;
  std::optional<http_loop> loop_;  // last: its thread uses the others
};

easy_racer_server::easy_racer_server(std::chrono::seconds blocker)
    : course_(std::make_unique<course>(blocker)) {}
easy_racer_server::~easy_racer_server() = default;

std::uint16_t easy_racer_server::port() const noexcept { return course_->port(); }

}  // namespace filch::test
