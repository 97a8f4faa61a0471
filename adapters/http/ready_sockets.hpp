#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace filch {
inline namespace v0 {
namespace http::detail {

/// Which of many sockets can be read or written, asked of the kernel's own list (epoll): a look
/// costs what has happened, not what is watched.
/// Threads: one, but for `wake`, which any may call.
class ready_sockets {
 public:
  struct event {
    int socket;
    bool readable;
    bool writable;
    bool failed;
  };

  /// Throws: std::system_error where the process has no descriptors left.
  ready_sockets();
  ~ready_sockets();
  ready_sockets(const ready_sockets&) = delete;
  ready_sockets& operator=(const ready_sockets&) = delete;

  /// Watches `socket` for these from now on. False if there is no memory to watch with.
  bool watch(int socket, bool read, bool write) noexcept;
  /// Tells of it no more. It may be closed already, and its number be somebody else's by now (as
  /// libcurl 7.88 does with connections that are not complete), so nothing is done to it: a closed
  /// one has left the kernel's list, and an open one is taken off when the list names it.
  void forget(int socket) noexcept;

  /// Sleeps until something happens, at most `limit`; what did, until the next call.
  std::span<const event> wait(std::chrono::milliseconds limit) noexcept;
  /// Ends the sleep, or the next one.
  void wake() noexcept;

 private:
  static constexpr std::size_t most_at_once = 256;

  int list_ = -1;
  int bell_ = -1;
  std::array<event, most_at_once> events_;
  std::vector<bool> wanted_;  // by socket
};

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
