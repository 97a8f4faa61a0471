#include <chrono>
#include <iostream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>

using namespace std::chrono_literals;

int ask_the_disk(int n) {
  std::this_thread::sleep_for(20ms);
  return n;
}

int main(int argc, char** argv) {
  const std::vector<std::string> urls(argv + 1, argv + argc);
  filch::pool pool(1);

  // [lane]
  std::vector<int> blocks(50);
  auto read = pool.with(filch::on_io).map(ask_the_disk, blocks);  // 50 at the same time
  auto gentle = pool.with({.in_flight = 10, .lane = filch::lane::io});
  read = gentle.map(ask_the_disk, blocks);  // 10 at the same time
  // [end]
  std::cout << read.size() << '\n';

  // [get]
  auto page = filch::http::get(urls[0], {.max_body = 1'000'000, .timeout = 5s});
  std::cout << page.status << ", " << page.body.size() << " bytes\n";
  // [end]

  // [errors]
  try {
    filch::http::get_ok(urls[1]);
  } catch (const filch::http::bad_status& e) {
    std::cout << "status " << e.status() << '\n';
  } catch (const filch::http::request_failed& e) {
    std::cout << "no answer at all from " << e.url() << '\n';
  } catch (const filch::timed_out&) {
    std::cout << "too slow\n";
  }
  // [end]

  // [stop]
  std::stop_source stop;
  auto slow = pool.with({.lane = filch::lane::io, .stop = stop.get_token()}).submit([&] {
    return filch::http::get(urls[2]).status;
  });
  stop.request_stop();  // reaches the transfer and closes its connection
  try {
    slow.get();
  } catch (const filch::cancelled&) {
    std::cout << "stopped\n";
  }
  // [end]
}

// [output]
// 50
// 200, 7 bytes
// status 404
// stopped
// [end]
