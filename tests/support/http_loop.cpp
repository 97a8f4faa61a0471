#include "http_loop.hpp"

#include <event2/listener.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <csignal>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "latency_server_peer.hpp"

namespace filch::test {

namespace {

using base_ptr = std::unique_ptr<event_base, freed_by<event_base_free>>;
using config_ptr = std::unique_ptr<event_config, freed_by<event_config_free>>;
using http_ptr = std::unique_ptr<evhttp, freed_by<evhttp_free>>;

base_ptr make_base() {
  static std::once_flag threads;
  std::call_once(threads, [] { evthread_use_pthreads(); });
  const config_ptr config(event_config_new());
  // Without these a delay counts in whole milliseconds from the start of the loop's round, so
  // that the last of many requests of one round would be answered early.
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_PRECISE_TIMER);
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_NO_CACHE_TIME);
  base_ptr base(event_base_new_with_config(config.get()));
  if (!base) throw std::runtime_error("filch test server: libevent has no event loop to give");
  return base;
}

/// Binds a port of 127.0.0.`host`, any free one for 0, with room for a burst of clients.
evconnlistener* listen_locally(event_base* base, unsigned host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host - 1);
  address.sin_port = htons(port);
  constexpr int backlog = 4096;
  auto* listener = evconnlistener_new_bind(
      base, nullptr, nullptr, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, backlog,
      reinterpret_cast<const sockaddr*>(&address), static_cast<int>(sizeof address));
  if (!listener) {
    throw std::runtime_error("filch test server: no port of 127.0.0." + std::to_string(host) +
                             " could be bound");
  }
  return listener;
}

/// Lets connections wait in the kernel for a moment: with descriptors used up, libevent would try,
/// and complain, again and again.
void pause_accepting(evconnlistener* listener, void*) {
  evconnlistener_disable(listener);
  const timeval moment{0, 10'000};
  event_base_once(
      evconnlistener_get_base(listener), -1, EV_TIMEOUT,
      [](evutil_socket_t, short, void* paused) {
        evconnlistener_enable(static_cast<evconnlistener*>(paused));
      },
      listener, &moment);
}

std::uint16_t port_of(evconnlistener* listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(evconnlistener_get_fd(listener), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

/// Starts a thread that no signal of the process lands on. libevent writes without MSG_NOSIGNAL,
/// so this is also what keeps a client that left from killing the process by SIGPIPE.
template <class Body>
std::thread start_without_signals(Body body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(body));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace

class http_loop::impl {
 public:
  impl(route how, unsigned hosts)
      : route_(std::move(how)),
        base_(make_base()),
        peers_(base_.get(), counters_),
        http_(evhttp_new(base_.get())) {
    if (!http_) throw std::runtime_error("filch test server: libevent has no server to give");
    for (unsigned host = 1; host <= hosts; ++host) listen(host);
    evhttp_set_gencb(http_.get(), &impl::serve, this);
    thread_ = start_without_signals(
        [base = base_.get()] { event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY); });
  }

  ~impl() {
    // From within: a loop that has not begun yet would forget a break from outside.
    const timeval now{};
    event_base_once(
        base_.get(), -1, EV_TIMEOUT,
        [](evutil_socket_t, short, void* base) {
          event_base_loopbreak(static_cast<event_base*>(base));
        },
        base_.get(), &now);
    thread_.join();
    peers_.shutting_down();
  }

  std::uint16_t port() const noexcept { return port_; }
  const server_counters& counters() const noexcept { return counters_; }

 private:
  /// The first host's port is that of all others.
  void listen(unsigned host) {
    auto* listener = listen_locally(base_.get(), host, port_);
    port_ = port_of(listener);
    if (!evhttp_bind_listener(http_.get(), listener)) {
      evconnlistener_free(listener);
      throw std::runtime_error("filch test server: libevent could not take the port");
    }
    evconnlistener_set_error_cb(listener, pause_accepting);
  }

  static void serve(evhttp_request* request, void* self) noexcept {
    auto& here = *static_cast<impl*>(self);
    peer& client = here.peers_.of(request);
    client.begin(request);
    here.route_(client, here.counters_);
  }

  // Destroyed from below: the server closes its connections while the table can still be told.
  const route route_;
  server_counters counters_;
  base_ptr base_;
  peer_table peers_;
  http_ptr http_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

http_loop::http_loop(route how, unsigned hosts)
    : impl_(std::make_unique<impl>(std::move(how), hosts)) {}
http_loop::~http_loop() = default;

std::uint16_t http_loop::port() const noexcept { return impl_->port(); }
const server_counters& http_loop::counters() const noexcept { return impl_->counters(); }

}  // namespace filch::test
