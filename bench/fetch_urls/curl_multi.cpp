#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "fetch_urls/contender.hpp"
#include "fetch_urls/url_list.hpp"

/// \file
/// libcurl's multi interface by hand, as its authors advise for many transfers: one thread, epoll
/// and curl_multi_socket_action, so that a round costs what has happened and not what is open. A
/// handle that is done asks the next URL, and the connections stay.

namespace filch::bench::fetch {
namespace {

using clock = std::chrono::steady_clock;

struct easy_cleanup {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct multi_cleanup {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

struct transfer {
  std::unique_ptr<CURL, easy_cleanup> easy{curl_easy_init()};
  std::string url{};
  std::string body{};
};

std::size_t append(char* data, std::size_t size, std::size_t n, void* body) {
  static_cast<std::string*>(body)->append(data, size * n);
  return size * n;
}

void demand(CURLMcode result) {
  if (result != CURLM_OK) throw std::runtime_error(curl_multi_strerror(result));
}

class fetcher {
 public:
  fetcher(const orders& o, tally& counted)
      : urls_(o.file, o.per_host), counted_(counted), transfers_(o.width) {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &fetcher::watch);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &fetcher::set_timer);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(o.width));
    for (auto& t : transfers_) {
      curl_easy_setopt(t.easy.get(), CURLOPT_NOSIGNAL, 1L);
      curl_easy_setopt(t.easy.get(), CURLOPT_PRIVATE, &t);
      curl_easy_setopt(t.easy.get(), CURLOPT_WRITEFUNCTION, append);
      curl_easy_setopt(t.easy.get(), CURLOPT_WRITEDATA, &t.body);
      idle_.push_back(&t);
    }
  }
  fetcher(const fetcher&) = delete;
  fetcher& operator=(const fetcher&) = delete;
  ~fetcher() {
    transfers_.clear();
    multi_.reset();
    ::close(epoll_);
  }

  void run() {
    start_idle();
    while (idle_.size() < transfers_.size()) {
      act_on_sockets();
      act_on_timer();
      finish_ended();
      start_idle();
    }
  }

 private:
  static int watch(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    auto& here = *static_cast<fetcher*>(self);
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(here.epoll_, EPOLL_CTL_DEL, socket, nullptr);
      curl_multi_assign(here.multi_.get(), socket, nullptr);
      return 0;
    }
    epoll_event event{};
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    event.data.fd = socket;
    ::epoll_ctl(here.epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
    if (!known) curl_multi_assign(here.multi_.get(), socket, self);
    return 0;
  }

  static int set_timer(CURLM*, long ms, void* self) {
    auto& due = static_cast<fetcher*>(self)->due_;
    due.reset();
    if (ms >= 0) due = clock::now() + std::chrono::milliseconds(ms);
    return 0;
  }

  int patience() const {
    if (!due_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due_ - clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  void act_on_sockets() {
    std::array<epoll_event, 256> events{};
    const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience());
    for (int i = 0; i < n; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      int what = 0;
      if ((event.events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
      if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
      if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
      demand(curl_multi_socket_action(multi_.get(), event.data.fd, what, &running_));
    }
  }

  void act_on_timer() {
    if (!due_ || clock::now() < *due_) return;
    due_.reset();
    demand(curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running_));
  }

  void finish_ended() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode result = message->data.result;
      char* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      auto& t = *reinterpret_cast<transfer*>(owner);
      if (result != CURLE_OK) throw std::runtime_error(t.url + ": " + curl_easy_strerror(result));
      long status = 0;
      curl_easy_getinfo(t.easy.get(), CURLINFO_RESPONSE_CODE, &status);
      demand(curl_multi_remove_handle(multi_.get(), t.easy.get()));
      counted_.take(checked(t.url, status, t.body));
      urls_.done(t.url);
      idle_.push_back(&t);
    }
  }

  void start_idle() {
    while (!idle_.empty()) {
      auto url = urls_.next();
      if (!url) return;
      auto& t = *idle_.back();
      idle_.pop_back();
      t.url = std::move(*url);
      t.body.clear();
      curl_easy_setopt(t.easy.get(), CURLOPT_URL, t.url.c_str());
      demand(curl_multi_add_handle(multi_.get(), t.easy.get()));
    }
  }

  url_list urls_;
  tally& counted_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::unique_ptr<CURLM, multi_cleanup> multi_{curl_multi_init()};
  std::vector<transfer> transfers_;
  std::vector<transfer*> idle_{};
  std::optional<clock::time_point> due_{};
  int running_ = 0;
};

void fetch_all(const orders& o, tally& counted) {
  curl_global_init(CURL_GLOBAL_ALL);
  fetcher(o, counted).run();
}

}  // namespace
}  // namespace filch::bench::fetch

int main(int argc, char** argv) {
  return filch::bench::fetch::compete(argc, argv, filch::bench::fetch::fetch_all);
}
