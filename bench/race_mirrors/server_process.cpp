#include "server_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <stdexcept>

extern char** environ;

namespace filch::bench {

namespace {

/// Spawns `program` with its ends of two pipes as stdin and stdout; 0 or an errno.
int spawn(const std::string& program, int input, int output, pid_t& child) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  std::string name = program;
  std::array<char*, 2> arguments{name.data(), nullptr};
  const int error =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

unsigned read_port(int from) {
  unsigned port = 0;
  if (std::FILE* lines = ::fdopen(from, "r")) {
    if (std::fscanf(lines, "%u", &port) != 1) port = 0;
    std::fclose(lines);
  }
  return port;
}

}  // namespace

server_process::server_process(const std::string& program) {
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe to talk to the latency server");
  }
  const int error = spawn(program, input[0], output[1], child_);
  ::close(input[0]);
  ::close(output[1]);
  its_input_ = input[1];
  if (error == 0) port_ = read_port(output[0]);
  if (port_ == 0) {
    ::close(its_input_);
    throw std::runtime_error("cannot start " + program + ": " + std::strerror(error) +
                             "; build the target latency_server or say --server FILE");
  }
}

server_process::~server_process() {
  ::close(its_input_);
  ::waitpid(child_, nullptr, 0);
}

std::string server_process::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

}  // namespace filch::bench
