#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace demo {

/// The latency server as a process of its own, so that its work is not in the figures. It ends
/// with this object, and by itself should this process be killed.
class server_process {
 public:
  /// Throws: `std::runtime_error` if it cannot be started.
  server_process();
  ~server_process();
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  std::string url(std::string_view path) const;
  /// How many requests have been given up by their clients, by closing the connection.
  std::size_t aborted() const;

 private:
  pid_t process_ = -1;
  int keep_alive_ = -1;
  unsigned port_ = 0;
};

}  // namespace demo
