#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace filch_test {

/// Two connected descriptors, in blocking mode.
class channel {
 public:
  enum class kind { sockets, pipe };

  explicit channel(kind what) {
    const int failed = what == kind::pipe
                           ? ::pipe2(ends_, O_CLOEXEC)
                           : ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_);
    if (failed != 0) throw std::runtime_error("channel: no descriptors");
  }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel() {
    close_reader();
    close_writer();
  }

  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void close_reader() { close(ends_[0]); }
  void close_writer() { close(ends_[1]); }
  void no_blocking() {
    for (const int end : ends_) ::fcntl(end, F_SETFL, ::fcntl(end, F_GETFL) | O_NONBLOCK);
  }
  /// Until nothing more fits; in blocking mode afterwards.
  void fill() {
    const int flags = ::fcntl(writer(), F_GETFL);
    ::fcntl(writer(), F_SETFL, flags | O_NONBLOCK);
    const std::vector<char> block(4096);
    while (::write(writer(), block.data(), block.size()) > 0) {
    }
    while (::write(writer(), block.data(), 1) > 0) {
    }
    ::fcntl(writer(), F_SETFL, flags);
  }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
  int ends_[2] = {-1, -1};
};

/// A loopback port that listens, in blocking mode. With `full`, nobody accepts and there is no room
/// left to wait in, so that a connection stalls before it is made.
class listening_port {
 public:
  enum class kind { open, full };

  explicit listening_port(kind wanted = kind::open)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, wanted == kind::full ? 0 : 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("listening_port: no port of 127.0.0.1 to listen on");
    }
    number_ = ntohs(address.sin_port);
    if (wanted == kind::full) fill();
  }
  listening_port(const listening_port&) = delete;
  listening_port& operator=(const listening_port&) = delete;
  ~listening_port() {
    for (const int each : sockets_) ::close(each);
    ::close(listener_);
  }

  int get() const { return listener_; }
  std::uint16_t number() const { return number_; }
  std::string url(const char* scheme) const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(number_) + "/";
  }
  /// Waits until a client has connected and said something; nobody reads it.
  bool wait_for_bytes(std::chrono::milliseconds timeout) {
    if (!is_readable(listener_, timeout)) return false;
    sockets_.push_back(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    return is_readable(sockets_.back(), timeout);
  }

 private:
  static bool is_readable(int socket, std::chrono::milliseconds timeout) {
    pollfd source{socket, POLLIN, 0};
    return ::poll(&source, 1, static_cast<int>(timeout.count())) == 1;
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
      sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_in address = loopback(number_);
      ::connect(sockets_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  }

  int listener_;
  std::uint16_t number_ = 0;
  std::vector<int> sockets_;
};

}  // namespace filch_test
