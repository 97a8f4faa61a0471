#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace filch::bench {

/// The latency server as a process of its own, so that its work is not in our figures. It ends
/// when its standard input does, so also if this process dies.
class server_process {
 public:
  /// Starts the program and waits for its port. Throws: std::runtime_error.
  explicit server_process(const std::string& program);
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;
  ~server_process();

  std::string url(const std::string& path) const;

 private:
  pid_t child_ = -1;
  int its_input_ = -1;
  unsigned port_ = 0;
};

}  // namespace filch::bench
