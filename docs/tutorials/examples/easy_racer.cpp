// [top]
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>
#include <filch/select.hpp>

using namespace std::chrono_literals;
using filch::http::get_ok;
using filch::http::get_ok_async;
using strings = std::vector<std::string>;
// [end]

namespace {

// [first]
std::string two(const std::string& url) {
  return filch::race(get_ok_async, strings(2, url)).value.body;
}
// [end]

// [many]
std::string ten_thousand(const std::string& url) {
  return filch::race(get_ok_async, strings(10'000, url)).value.body;
}
// [end]

// [timeout]
std::string one_with_a_timeout(const std::string& url) {
  return filch::race_of([&] { return get_ok_async(url); },
                        [&] { return get_ok_async(url, {.timeout = 1s}); })
      .value.body;
}
// [end]

// [three]
std::string three(const std::string& url) {
  return filch::race(get_ok_async, strings(3, url)).value.body;
}
// [end]

// [hedge]
std::string hedged(const std::string& url) {
  return filch::hedge([&] { return get_ok_async(url); }, {.after = 3s}).value.body;
}
// [end]

// [resource]
class resource {
 public:
  explicit resource(const std::string& url) : url_(url), id_(get_ok(url + "?open").body) {}
  resource(const resource&) = delete;
  resource& operator=(const resource&) = delete;
  ~resource() {
    const std::stop_source never;  // given back even where the job was asked to stop
    try {
      get_ok(url_ + "?close=" + id_, {.stop = never.get_token()});
    } catch (const filch::error& e) {
      std::cerr << e.what() << '\n';
    }
  }
  std::string use() const { return get_ok(url_ + "?use=" + id_).body; }

 private:
  const std::string url_, id_;
};

std::string with_a_resource(const std::string& url) {
  const auto open_and_use = [&] { return resource(url).use(); };
  return filch::race_of(open_and_use, open_and_use).value;
}
// [end]

// [letters]
std::string letters(const std::string& url) {
  std::string word;
  for (auto& answer : filch::first_n(5, get_ok_async, strings(10, url))) word += answer.value.body;
  return word;
}
// [end]

// [load]
/// How busy this process has kept the machine since the last call: 1 is one core, or more.
class load_meter {
 public:
  double read() {
    const auto clock = std::clock();
    const auto now = std::chrono::steady_clock::now();
    const double used = static_cast<double>(clock - clock_) / CLOCKS_PER_SEC;
    const double passed = std::chrono::duration<double>(now - now_).count();
    clock_ = clock;
    now_ = now;
    return std::min(1.0, used / passed);
  }

 private:
  std::clock_t clock_ = std::clock();
  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
};
// [end]

// [heavy]
/// Computes on all cores for as long as nobody asks it to stop; throws `filch::cancelled` then.
void compute() {
  for (;;) {
    filch::for_index(0, 1 << 20, [](int i) {
      volatile double x = i;
      for (int k = 0; k < 1000; ++k) x = x * 1.000001 + 1;
    });
  }
}

std::string cpu_and_io(const std::string& url) {
  const std::string id = "?filch";
  // The connection's end decides the race, and the loser is asked to stop.
  auto blocked = filch::default_pool().with(filch::on_io).submit([=] {
    filch::race_of([=] { get_ok(url + id); }, [] { compute(); });
  });
  load_meter load;
  for (;;) {
    std::this_thread::sleep_for(1s);
    std::ostringstream reading;
    reading << url << id << '=' << std::fixed << std::setprecision(3) << load.read();
    const auto answer = filch::http::get(reading.str());
    answer.raise_for_status();
    if (answer.status < 300) {
      blocked.get();
      return answer.body;
    }
  }
}
// [end]

// [nested]
std::string nested(const std::string& url) {
  return filch::race_of([&] { return get_ok(url); },
                        [&] { return filch::race(get_ok_async, strings(2, url)).value; })
      .value.body;
}
// [end]

}  // namespace

// [main]
int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " http://127.0.0.1:8080/ [tbb]\n";
    return 2;
  }
  const std::string server = argv[1];
  if (argc > 2) filch::set_default_engine(filch::make_engine(argv[2]));
  using scenario = std::string (*)(const std::string&);
  const scenario all[] = {two,     two,        ten_thousand, one_with_a_timeout,
                          two,     three,      hedged,       with_a_resource,
                          letters, cpu_and_io, nested};
  int n = 0;
  for (const auto& run : all) {
    ++n;
    std::cout << n << ": " << run(server + std::to_string(n)) << std::endl;
  }
}
// [end]

// [output]
// 1: right
// 2: right
// 3: right
// 4: right
// 5: right
// 6: right
// 7: right
// 8: right
// 9: right
// 10: right
// 11: right
// [end]
