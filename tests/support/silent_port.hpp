#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace filch::test {

/// A loopback port that listens; nobody answers. With `full`, its queue has no room left either,
/// so that a connection stalls before it is made.
class silent_port {
 public:
  enum class kind { accepting_queue, full };

  explicit silent_port(kind wanted) : listener_(open_socket()) {
    sockaddr_in address = loopback(0);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, wanted == kind::full ? 0 : 16) != 0) {
      throw std::runtime_error("silent_port: no port of 127.0.0.1 to listen on");
    }
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (wanted == kind::full) fill();
  }
  ~silent_port() {
    for (const int socket : sockets_) ::close(socket);
    ::close(listener_);
  }
  silent_port(const silent_port&) = delete;
  silent_port& operator=(const silent_port&) = delete;

  std::string url(const char* scheme) const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_) + "/";
  }
  /// Waits until a client has connected and said something; nobody reads it.
  bool wait_for_bytes(std::chrono::milliseconds timeout) {
    if (!readable(listener_, timeout)) return false;
    sockets_.push_back(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    return readable(sockets_.back(), timeout);
  }

 private:
  static bool readable(int socket, std::chrono::milliseconds timeout) {
    pollfd source{socket, POLLIN, 0};
    return ::poll(&source, 1, static_cast<int>(timeout.count())) == 1;
  }
  static int open_socket() {
    return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  void fill() {
    for (int i = 0; i < 4; ++i) {
      sockets_.push_back(open_socket());
      sockaddr_in address = loopback(port_);
      ::connect(sockets_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::vector<int> sockets_;
};

}  // namespace filch::test
