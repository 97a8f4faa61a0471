#include "ready_sockets.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <new>
#include <system_error>

namespace filch {
inline namespace v0 {
namespace http::detail {

ready_sockets::ready_sockets()
    : list_(::epoll_create1(EPOLL_CLOEXEC)), bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (list_ >= 0 && bell_ >= 0 && watch(bell_, true, false)) return;
  const std::error_code why(errno, std::generic_category());
  if (list_ >= 0) ::close(list_);
  if (bell_ >= 0) ::close(bell_);
  throw std::system_error(why);
}

ready_sockets::~ready_sockets() {
  ::close(list_);
  ::close(bell_);
}

bool ready_sockets::watch(int socket, bool read, bool write) noexcept {
  const auto place = static_cast<std::size_t>(socket);
  try {
    if (place >= wanted_.size()) wanted_.resize(place + 1);
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return false;
  }
  wanted_[place] = true;
  epoll_event wanted{};
  wanted.events = (read ? EPOLLIN : 0U) | (write ? EPOLLOUT : 0U);
  wanted.data.fd = socket;
  if (::epoll_ctl(list_, EPOLL_CTL_MOD, socket, &wanted) == 0) return true;
  return errno == ENOENT && ::epoll_ctl(list_, EPOLL_CTL_ADD, socket, &wanted) == 0;
}

void ready_sockets::forget(int socket) noexcept {
  const auto place = static_cast<std::size_t>(socket);
  if (place < wanted_.size()) wanted_[place] = false;
}

std::span<const ready_sockets::event> ready_sockets::wait(
    std::chrono::milliseconds limit) noexcept {
  std::array<epoll_event, most_at_once> happened;
  const auto patience = std::clamp<std::int64_t>(limit.count(), 0, INT_MAX);
  const int n = ::epoll_wait(list_, happened.data(), static_cast<int>(happened.size()),
                             static_cast<int>(patience));
  std::size_t count = 0;
  for (int i = 0; i < n; ++i) {
    const auto& one = happened[static_cast<std::size_t>(i)];
    if (one.data.fd == bell_) {
      std::uint64_t rings = 0;
      [[maybe_unused]] const auto ignored = ::read(bell_, &rings, sizeof rings);
    } else if (!wanted_[static_cast<std::size_t>(one.data.fd)]) {
      epoll_event unused{};
      ::epoll_ctl(list_, EPOLL_CTL_DEL, one.data.fd, &unused);
    } else {
      events_[count++] = {one.data.fd, (one.events & EPOLLIN) != 0, (one.events & EPOLLOUT) != 0,
                          (one.events & (EPOLLERR | EPOLLHUP)) != 0};
    }
  }
  return {events_.data(), count};
}

void ready_sockets::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = ::write(bell_, &one, sizeof one);
}

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
