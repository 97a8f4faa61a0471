#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <filch/filch.hpp>
#include <filch/http.hpp>

using namespace std::chrono_literals;
using namespace std::string_view_literals;

int ask_the_disk(int n) {
  std::this_thread::sleep_for(20ms);
  return n;
}

// [sockets]
std::string ask_by_hand(const std::string& port) {
  const auto server = filch::io::connect("127.0.0.1", port, {.timeout = 5s});
  filch::io::write(server.get(), "GET /delay/10/7 HTTP/1.0\r\n\r\n"sv);
  std::string text;
  char part[4096];
  while (auto n = filch::io::read(server.get(), part, {.timeout = 5s})) text.append(part, n);
  return text.substr(0, text.find('\r'));
}
// [end]

class telephone {
 public:
  std::string listen() {
    std::unique_lock lock(lock_);
    rings_.wait(lock, [this] { return hung_up_; });
    return "beep";
  }
  void hang_up() {
    std::lock_guard lock(lock_);
    hung_up_ = true;
    rings_.notify_all();
  }

 private:
  std::mutex lock_;
  std::condition_variable rings_;
  bool hung_up_ = false;
};

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

  // [unmarked]
  filch::pool small(2);
  auto answers = small.map(ask_the_disk, blocks);  // 50 times 20 ms, in far less than half a second
  // [end]
  std::cout << answers.size() << '\n';

  // [blocking]
  auto answer = pool.submit([] {
    int found = filch::blocking([] { return ask_the_disk(3); });  // another thread works meanwhile
    return found * found;                                         // and here this one does
  });
  // [end]
  std::cout << answer.get() << '\n';

  // [retry]
  auto stubborn = filch::retry(ask_the_disk, {.attempts = 5, .backoff = 50ms});
  answers = pool.with(filch::on_io).map(stubborn, blocks);  // each may fail four times
  // [end]
  std::cout << answers.size() << '\n';

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
  try {
    // [token]
    filch::http::get(urls[2], {.stop = stop.get_token()});  // throws `cancelled`
    // [end]
  } catch (const filch::cancelled&) {
    std::cout << "stopped without a job\n";
  }

  const auto host = urls[0].substr(std::string("http://127.0.0.1:").size());
  std::cout << ask_by_hand(host.substr(0, host.find('/'))) << '\n';

  telephone line;
  // [on_stop]
  auto listener = pool.with(filch::on_io).submit([&] {
    filch::on_stop hang_up([&] { line.hang_up(); });
    return line.listen();  // returns when somebody hangs up
  });
  listener.cancel();
  // [end]
  listener.wait();

  int ends[2];
  if (::pipe(ends) != 0) return 1;
  const filch::io::descriptor read_end(ends[0]), write_end(ends[1]);
  const int pipe_end = read_end.get();
  // [interruptible]
  auto reader = pool.with(filch::on_io).submit([&] {
    char byte = 0;
    auto n = filch::io::interruptible([&] { return ::read(pipe_end, &byte, 1); });
    filch::this_job::check();  // throws if it was a stop that ended the call
    return n;
  });
  reader.cancel();
  // [end]
  try {
    reader.get();
  } catch (const filch::cancelled&) {
    std::cout << "interrupted\n";
  }
}

// [output]
// 50
// 50
// 9
// 50
// 200, 7 bytes
// status 404
// stopped
// stopped without a job
// HTTP/1.0 200 OK
// interrupted
// [end]
