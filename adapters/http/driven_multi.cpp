#include "driven_multi.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <system_error>

namespace filch {
inline namespace v0 {
namespace http::detail {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr long most_idle_connections = 256;

}  // namespace

driven_multi::driven_multi() try : multi_(curl_multi_init()) {
  if (!multi_) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most_idle_connections);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &driven_multi::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &driven_multi::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
} catch (const std::system_error& e) {
  std::throw_with_nested(
      request_failed(failure::other, "",
                     std::string("filch::http: no descriptors are left to start with (") +
                         e.what() + "); close some, or raise `ulimit -n`"));
}

driven_multi::~driven_multi() { curl_multi_cleanup(multi_); }

CURLMcode driven_multi::drive(milliseconds limit) noexcept {
  CURLMcode outcome = CURLM_OK;
  int running = 0;
  const auto act = [&](curl_socket_t socket, int what) {
    const CURLMcode result = curl_multi_socket_action(multi_, socket, what, &running);
    if (result != CURLM_OK) outcome = result;
  };
  for (const auto& event : sockets_.wait(until_due(limit))) {
    act(event.socket, (event.readable ? CURL_CSELECT_IN : 0) |
                          (event.writable ? CURL_CSELECT_OUT : 0) |
                          (event.failed ? CURL_CSELECT_ERR : 0));
  }
  if (due_ && steady_clock::now() >= *due_) {
    due_.reset();
    act(CURL_SOCKET_TIMEOUT, 0);
  }
  return outcome;
}

milliseconds driven_multi::until_due(milliseconds limit) const noexcept {
  if (!due_) return limit;
  return std::min(limit, std::chrono::ceil<milliseconds>(*due_ - steady_clock::now()));
}

int driven_multi::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept {
  auto& here = *static_cast<driven_multi*>(self);
  if (what == CURL_POLL_REMOVE) {
    here.sockets_.forget(socket);
    return 0;
  }
  const bool read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
  const bool write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
  return here.sockets_.watch(socket, read, write) ? 0 : -1;
}

int driven_multi::on_timer(CURLM*, long in_ms, void* self) noexcept {
  auto& due = static_cast<driven_multi*>(self)->due_;
  if (in_ms < 0) {
    due.reset();
  } else {
    due = steady_clock::now() + milliseconds(in_ms);
  }
  return 0;
}

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
