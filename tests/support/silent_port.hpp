#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace filch::test {

/// A loopback port that listens; nobody accepts. With `full`, its queue has no room left either,
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
    for (const int socket : fillers_) ::close(socket);
    ::close(listener_);
  }
  silent_port(const silent_port&) = delete;
  silent_port& operator=(const silent_port&) = delete;

  std::string url(const char* scheme) const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_) + "/";
  }
  std::uint16_t port() const { return port_; }

 private:
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
      fillers_.push_back(open_socket());
      sockaddr_in address = loopback(port_);
      ::connect(fillers_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::vector<int> fillers_;
};

}  // namespace filch::test
