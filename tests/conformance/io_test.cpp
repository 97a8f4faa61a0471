#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <filch/filch.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/silent_name.hpp"
#include "support/sockets.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::channel;
using filch_test::eventually;
using filch_test::listening_port;
namespace io = filch::io;

FILCH_CONFORMANCE(io_calls);

// ---- what they do -----------------------------------------------------------------------------

TEST_P(io_calls, read_gives_what_is_there_and_0_at_the_end) {
  for (const auto kind : {channel::kind::sockets, channel::kind::pipe}) {
    channel c(kind);
    io::write(c.writer(), std::string_view("hello"));
    char text[16] = {};
    EXPECT_EQ(io::read(c.reader(), std::span(text, 0)), 0U);
    EXPECT_EQ(io::read(c.reader(), text), 5U);
    EXPECT_STREQ(text, "hello");
    c.close_writer();
    EXPECT_EQ(io::read(c.reader(), text), 0U);
  }
}

TEST_P(io_calls, write_writes_all_though_the_reader_is_slow) {
  auto pool = make_pool();
  std::string sent(1'000'000, '.');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  for (const auto kind : {channel::kind::sockets, channel::kind::pipe}) {
    for (const bool blocking : {true, false}) {
      channel c(kind);
      if (!blocking) c.no_blocking();
      auto writer = pool.with(filch::on_io).submit([&] {
        io::write(c.writer(), std::string_view(sent));
        c.close_writer();
      });
      std::string got;
      char part[50'000];
      while (const auto n = io::read(c.reader(), part)) got.append(part, n);
      writer.get();
      EXPECT_TRUE(got == sent) << "blocking " << blocking;
    }
  }
}

TEST_P(io_calls, connections_are_made_and_accepted) {
  auto pool = make_pool();
  const listening_port port;
  auto server = pool.with(filch::on_io).submit([&] {
    const auto client = io::accept(port.get());
    char text[16];
    const auto n = io::read(client.get(), text);
    io::write(client.get(), std::string_view(text, n));
  });
  const auto there = io::connect("127.0.0.1", std::to_string(port.number()));
  EXPECT_EQ(::fcntl(there.get(), F_GETFL) & O_NONBLOCK, 0);
  io::write(there.get(), std::string_view("echo"));
  io::wait_readable(there.get());
  char text[16] = {};
  EXPECT_EQ(io::read(there.get(), text), 4U);
  EXPECT_STREQ(text, "echo");
  server.get();
}

TEST_P(io_calls, names_and_numbers_are_resolved) {
  const auto numbers = io::resolve("127.0.0.1", "80");
  ASSERT_EQ(numbers.size(), 1U);
  EXPECT_EQ(numbers[0].text(), "127.0.0.1:80");
  EXPECT_EQ(io::resolve("::1", "8080").at(0).text(), "[::1]:8080");
  EXPECT_FALSE(io::resolve("localhost", "80").empty());
  EXPECT_THROW(io::resolve("127.0.0.1", "no-such-service"), io::not_resolved);
  EXPECT_THROW(io::resolve("silent.test", "80"), io::not_resolved);
  EXPECT_THROW(io::endpoint(nullptr, 1000), std::invalid_argument);
}

TEST_P(io_calls, a_file_is_read_and_written_to_its_end) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("filch_io_" + std::to_string(::getpid()) + GetParam().name());
  const io::descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  std::filesystem::remove(path);
  io::write(file.get(), std::string_view("on disk"));
  ::lseek(file.get(), 0, SEEK_SET);
  char text[16] = {};
  EXPECT_EQ(io::read(file.get(), text), 7U);
  EXPECT_STREQ(text, "on disk");
  EXPECT_EQ(io::read(file.get(), text), 0U);
}

// ---- errors -----------------------------------------------------------------------------------

TEST_P(io_calls, errors_carry_the_code_of_the_system) {
  char text[4];
  const auto code_of = [](const auto& call) {
    try {
      call();
    } catch (const io::call_failed& e) {
      return e.code();
    }
    return std::error_code();
  };
  EXPECT_EQ(code_of([&] { io::read(-1, text); }), std::errc::bad_file_descriptor);
  EXPECT_EQ(code_of([&] { io::wait_readable(-1); }), std::errc::bad_file_descriptor);
}

TEST_P(io_calls, a_reader_that_has_gone_is_an_error_and_no_signal) {
  for (const auto kind : {channel::kind::sockets, channel::kind::pipe}) {
    channel c(kind);
    c.close_reader();
    try {
      io::write(c.writer(), std::string_view("anybody?"));
      ADD_FAILURE() << "written to nobody";
    } catch (const io::call_failed& e) {
      EXPECT_EQ(e.code(), std::errc::broken_pipe);
    }
    sigset_t pending;
    ::sigpending(&pending);
    EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
  }
}

std::exception_ptr thrown(auto call) {
  try {
    call();
  } catch (...) {
    return std::current_exception();
  }
  return {};
}
void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

TEST_P(io_calls, want_of_descriptors_has_a_name_and_passes) {
  const listening_port port;
  const auto number = std::to_string(port.number());
  const auto waiting = io::connect("127.0.0.1", number);
  io::wait_readable(port.get());  // this thread has all it needs
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  ::setrlimit(RLIMIT_NOFILE, &none);
  // Looked at when there are descriptors again: the sanitizers need some to look at an object.
  const auto refused = thrown([&] { io::accept(port.get()); });
  const auto unconnected = thrown([&] { io::connect("127.0.0.1", number); });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THROW(rethrow(refused), io::too_many_files);
  EXPECT_THROW(rethrow(unconnected), io::too_many_files);
  EXPECT_TRUE(io::accept(port.get()));
}

extern "C" void io_test_interrupted(int) {}

TEST_P(io_calls, a_foreign_signal_changes_nothing) {
  struct sigaction handler{};
  handler.sa_handler = io_test_interrupted;
  ::sigaction(SIGUSR1, &handler, nullptr);
  channel c(channel::kind::sockets);
  std::atomic<std::size_t> got{0};
  std::thread reader([&] {
    char text[8];
    got = io::read(c.reader(), text);
  });
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(1ms);
    ::pthread_kill(reader.native_handle(), SIGUSR1);
  }
  EXPECT_EQ(got, 0U);
  io::write(c.writer(), std::string_view("end"));
  reader.join();
  EXPECT_EQ(got, 3U);
}

// ---- stops ------------------------------------------------------------------------------------

/// Every call in a state in which it waits for ever.
struct endless_calls {
  channel empty_sockets{channel::kind::sockets}, empty_pipe{channel::kind::pipe},
      full_sockets{channel::kind::sockets}, full_pipe{channel::kind::pipe};
  listening_port quiet, full{listening_port::kind::full};

  endless_calls() {
    full_sockets.fill();
    full_pipe.fill();
  }

  using call = std::pair<const char*, std::function<void(const io::options&)>>;
  std::vector<call> all() {
    return {
        {"read a socket", [&](const auto& o) { read(empty_sockets, o); }},
        {"read a pipe", [&](const auto& o) { read(empty_pipe, o); }},
        {"write to a socket", [&](const auto& o) { write(full_sockets, o); }},
        {"write to a pipe", [&](const auto& o) { write(full_pipe, o); }},
        {"accept", [&](const auto& o) { io::accept(quiet.get(), o); }},
        {"connect", [&](const auto& o) { io::connect("127.0.0.1", port_of(full), o); }},
        {"wait_readable", [&](const auto& o) { io::wait_readable(empty_pipe.reader(), o); }},
        {"wait_writable", [&](const auto& o) { io::wait_writable(full_pipe.writer(), o); }},
        {"resolve", [&](const auto& o) { io::resolve("silent.test", "80", o); }},
    };
  }

 private:
  static std::string port_of(const listening_port& p) { return std::to_string(p.number()); }
  static void read(const channel& c, const io::options& o) {
    char text[4];
    io::read(c.reader(), text, o);
  }
  static void write(const channel& c, const io::options& o) {
    io::write(c.writer(), std::string_view("more"), o);
  }
};

TEST_P(io_calls, a_cancelled_job_leaves_every_call) {
  auto pool = make_pool();
  endless_calls calls;
  for (const auto& [name, call] : calls.all()) {
    for (const auto delay : {0ms, 5ms}) {
      auto job = pool.with(filch::on_io).submit([&call = call] { call({}); });
      std::this_thread::sleep_for(delay);
      job.cancel();
      EXPECT_THROW(job.get(), filch::cancelled) << name;
    }
  }
}

TEST_P(io_calls, a_token_ends_every_call_outside_of_any_job) {
  endless_calls calls;
  for (const auto& [name, call] : calls.all()) {
    std::stop_source stop;
    std::thread other([&] {
      std::this_thread::sleep_for(3ms);
      stop.request_stop();
    });
    EXPECT_THROW(call({.stop = stop.get_token()}), filch::cancelled) << name;
    other.join();
    EXPECT_THROW(call({.stop = stop.get_token()}), filch::cancelled) << name << ", again";
  }
}

TEST_P(io_calls, every_call_keeps_its_time) {
  endless_calls calls;
  for (const auto& [name, call] : calls.all()) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(call({.timeout = 5ms}), filch::timed_out) << name;
    EXPECT_GE(std::chrono::steady_clock::now() - start, 5ms) << name;
    EXPECT_THROW(call({.timeout = -1ns}), filch::timed_out) << name;
  }
}

TEST_P(io_calls, a_stop_leaves_the_descriptor_as_it_was) {
  auto pool = make_pool();
  channel c(channel::kind::sockets);
  auto job = pool.with(filch::on_io).submit([&] {
    char text[4];
    return io::read(c.reader(), text);
  });
  std::this_thread::sleep_for(2ms);
  job.cancel();
  EXPECT_THROW(job.get(), filch::cancelled);
  io::write(c.writer(), std::string_view("late"));
  char text[8];
  EXPECT_EQ(io::read(c.reader(), text), 4U);
}

TEST_P(io_calls, a_stop_that_comes_late_does_not_disturb_the_next_call) {
  channel c(channel::kind::sockets);
  for (int round = 0; round < 100; ++round) {
    std::stop_source stop;
    std::thread other([&] {
      io::write(c.writer(), std::string_view("x"));
      stop.request_stop();
    });
    char text[4];
    try {
      io::read(c.reader(), text, {.stop = stop.get_token()});
    } catch (const filch::cancelled&) {
      io::read(c.reader(), text);
    }
    other.join();
    EXPECT_THROW(io::read(c.reader(), text, {.timeout = 100us}), filch::timed_out);
  }
}

TEST_P(io_calls, of_two_readers_of_a_pipe_the_slower_can_still_be_stopped) {
  auto pool = make_pool();
  for (int round = 0; round < 20; ++round) {
    channel c(channel::kind::pipe);
    std::stop_source stop;
    const auto read = [&] {
      char text[4];
      try {
        return io::read(c.reader(), text, {.stop = stop.get_token()});
      } catch (const filch::cancelled&) {
        return std::size_t{0};
      }
    };
    auto one = pool.with(filch::on_io).submit(read);
    auto other = pool.with(filch::on_io).submit(read);
    std::this_thread::sleep_for(1ms);
    io::write(c.writer(), std::string_view("x"));
    std::this_thread::sleep_for(1ms);
    stop.request_stop();
    EXPECT_LE(one.get() + other.get(), 1U);
  }
}

TEST_P(io_calls, a_race_leaves_no_descriptor_behind) {
  auto pool = make_pool();
  const auto open_ones = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const listening_port full(listening_port::kind::full);
  const auto run = [&](int i) {
    if (i == 0) return io::sleep_for(1ms), 0;
    return io::connect("127.0.0.1", std::to_string(full.number())).get();
  };
  const std::vector<int> three{0, 1, 2};
  for (int warm = 0; warm < 3; ++warm) EXPECT_EQ(pool.race(run, three).value, 0);
  const auto before = open_ones();
  for (int round = 0; round < 30; ++round) EXPECT_EQ(pool.race(run, three).value, 0);
  // Each io thread keeps one for its waits, and a race may need a thread more than the one before.
  EXPECT_LE(open_ones(), before + 3);
}

// ---- sleeping ---------------------------------------------------------------------------------

TEST_P(io_calls, sleeps_last_as_long_as_they_should) {
  const auto start = std::chrono::steady_clock::now();
  io::sleep_for(5ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 5ms);
  io::sleep_for(-1h);
  io::sleep_until(start);
  const auto wall = std::chrono::system_clock::now() + 5ms;
  io::sleep_until(wall);
  EXPECT_GE(std::chrono::system_clock::now(), wall);
}

TEST_P(io_calls, a_stop_ends_a_sleep) {
  auto pool = make_pool();
  auto one = pool.with(filch::on_io).submit([] { io::sleep_for(1h); });
  auto other = pool.with(filch::on_io).submit([] {
    io::sleep_until(std::chrono::system_clock::now() + 1h);
  });
  std::this_thread::sleep_for(2ms);
  one.cancel();
  other.cancel();
  EXPECT_THROW(one.get(), filch::cancelled);
  EXPECT_THROW(other.get(), filch::cancelled);
}

// ---- workers ----------------------------------------------------------------------------------

TEST_P(io_calls, a_worker_that_waits_is_replaced) {
  FILCH_NEEDS_CONCURRENT();
  auto pool = make_pool();
  channel c(channel::kind::pipe);
  filch_test::gate door;
  std::vector<filch::future<void>> jobs;
  for (unsigned i = 0; i < 3 * workers(); ++i) {
    jobs.push_back(pool.submit([&] { io::wait_readable(c.reader()); }));
    jobs.push_back(pool.submit([&] { filch::blocking([&] { door.wait(); }); }));
  }
  EXPECT_TRUE(door.wait_for_visitors(static_cast<int>(3 * workers())));
  EXPECT_EQ(pool.submit([] { return 1; }).get_for(20s), 1);
  door.open();
  io::write(c.writer(), std::string_view("go"));
  for (auto& j : jobs) j.get();
}

TEST_P(io_calls, blocking_hands_on_results_errors_and_errno) {
  auto pool = make_pool();
  pool.submit([] {
        int one = 1;
        int& same = filch::blocking([&]() -> int& { return one; });
        EXPECT_EQ(&same, &one);
        EXPECT_EQ(*filch::blocking([] { return std::make_unique<int>(2); }), 2);
        EXPECT_THROW(filch::blocking([] { throw std::runtime_error("no"); }), std::runtime_error);
        filch::blocking([] { errno = ERANGE; });
        EXPECT_EQ(errno, ERANGE);
      })
      .get();
}

// ---- on_stop, interruptible -------------------------------------------------------------------

TEST_P(io_calls, on_stop_calls_once_while_it_lives) {
  auto pool = make_pool();
  std::atomic<int> calls{0};
  filch_test::gate door;
  auto job = pool.with(filch::on_io).submit([&] {
    {
      const filch::on_stop gone([&] { calls += 100; });
    }
    const filch::on_stop open_it([&] {
      ++calls;
      door.open();
    });
    door.wait();
  });
  ASSERT_TRUE(door.wait_for_visitors(1));
  job.cancel();
  EXPECT_TRUE(eventually([&] { return calls == 1; }));
  std::stop_source stop;
  stop.request_stop();
  const filch::on_stop at_once(stop.get_token(), [&] { calls += 10; });
  EXPECT_EQ(calls, 11);
}

TEST_P(io_calls, a_stop_interrupts_foreign_calls) {
  auto pool = make_pool();
  channel c(channel::kind::pipe);
  for (int round = 0; round < 10; ++round) {
    std::atomic<bool> inside{false};
    auto reader = pool.with(filch::on_io).submit([&] {
      char text[4];
      errno = 0;
      const auto n = io::interruptible([&] {
        inside = true;
        return ::read(c.reader(), text, sizeof text);
      });
      EXPECT_EQ(n, -1);
      EXPECT_EQ(errno, EINTR);
      filch::this_job::check();
    });
    while (!inside) std::this_thread::yield();  // perhaps just before the call
    reader.cancel();
    EXPECT_THROW(reader.get(), filch::cancelled);
  }
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(io::interruptible([] {}, stop.get_token()), filch::cancelled);
}

TEST_P(io_calls, a_signal_that_the_program_uses_itself_is_left_alone) {
  struct sigaction before{};
  struct sigaction handler{};
  handler.sa_handler = io_test_interrupted;
  ::sigaction(SIGRTMAX - 2, &handler, &before);
  EXPECT_THROW(io::interruptible([] {}), io::call_failed);
  channel c(channel::kind::pipe);
  io::write(c.writer(), std::string_view("fine"));  // does without it
  char text[8];
  EXPECT_EQ(io::read(c.reader(), text), 4U);
  ::sigaction(SIGRTMAX - 2, &before, nullptr);
}

}  // namespace
