#include "server_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <filch/http.hpp>

#include <nlohmann/json.hpp>

extern char** environ;

namespace demo {
namespace {

[[noreturn]] void fail(int code) {
  throw std::runtime_error("the demo's web server cannot be started: " +
                           std::generic_category().message(code));
}

struct pipe_ends {
  int out = -1;
  int in = -1;

  pipe_ends() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno);
    out = ends[0];
    in = ends[1];
  }
  ~pipe_ends() {
    if (out >= 0) ::close(out);
    if (in >= 0) ::close(in);
  }
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;
};

pid_t start(int standard_input, int standard_output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, standard_input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, standard_output, STDOUT_FILENO);
  std::string program = FILCH_DEMO_SERVER;
  std::array<char*, 2> arguments{program.data(), nullptr};
  pid_t process = -1;
  const int code =
      ::posix_spawn(&process, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) fail(code);
  return process;
}

/// The number on the server's first line; 0 if it ends before.
unsigned read_port(int descriptor) {
  std::string line;
  for (char c = 0; c != '\n';) {
    const auto n = ::read(descriptor, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    line += c;
  }
  unsigned port = 0;
  std::from_chars(line.data(), line.data() + line.size(), port);
  return port;
}

}  // namespace

server_process::server_process() {
  pipe_ends input;
  pipe_ends output;
  process_ = start(input.out, output.in);
  ::close(std::exchange(output.in, -1));
  port_ = read_port(output.out);
  keep_alive_ = std::exchange(input.in, -1);
  if (port_ != 0) return;
  ::close(keep_alive_);
  ::waitpid(process_, nullptr, 0);
  fail(ECHILD);
}

server_process::~server_process() {
  ::close(keep_alive_);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string server_process::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

std::size_t server_process::aborted() const {
  const auto answer = filch::http::get_ok(url("/stats"));
  return nlohmann::json::parse(answer.body).at("aborted").get<std::size_t>();
}

}  // namespace demo
