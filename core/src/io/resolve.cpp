#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <filch/detail/latch.hpp>
#include <filch/io.hpp>

#include "base/os_thread.hpp"
#include "io/stops.hpp"
#include "sched/blocked.hpp"

namespace filch {
inline namespace v0 {
namespace io {

namespace {

struct answer {
  int result = 0;  // of getaddrinfo
  int error = 0;   // errno, for EAI_SYSTEM
  std::vector<endpoint> found;
};

answer ask(const std::string& host, const std::string& service, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  answer got;
  got.result = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                             service.empty() ? nullptr : service.c_str(), &hints, &list);
  got.error = errno;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, [](addrinfo* all) {
    if (all) ::freeaddrinfo(all);
  });
  if (got.result != 0) return got;
  for (const addrinfo* each = list; each; each = each->ai_next) {
    got.found.emplace_back(each->ai_addr, each->ai_addrlen);
  }
  return got;
}

/// One question to the system's resolver, shared by who asks and the thread that waits.
struct question {
  std::string host, service;
  std::mutex lock;
  bool answered = false;
  bool no_memory = false;
  answer got;
  filch::detail::latch over;

  void run() noexcept {
    answer fresh;
    bool failed = false;
    try {
      fresh = ask(host, service, 0);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    {
      std::lock_guard guard(lock);
      got = std::move(fresh);
      no_memory = failed;
      answered = true;
    }
    over.set();
  }
};

/// The answer as a value or as an exception.
std::vector<endpoint> unpack(answer got, const std::string& host, const std::string& service,
                             const detail::limits& until) {
  if (got.result == 0) return std::move(got.found);
  if (got.result == EAI_MEMORY) throw std::bad_alloc();
  if (got.result == EAI_SYSTEM) until.throw_failed(got.error);
  throw not_resolved("filch::io: \"" + host + "\", service \"" + service +
                     "\", could not be resolved: " + ::gai_strerror(got.result) +
                     "; look at the spelling, and whether a name server can be reached");
}

}  // namespace

endpoint::endpoint(const void* address, std::size_t size) : size_(size) {
  if (size > bytes_.size() || size < sizeof(sa_family_t)) {
    throw std::invalid_argument(
        "filch::io: an endpoint is made from a whole sockaddr of 128 bytes at most");
  }
  std::memcpy(bytes_.data(), address, size);
}

std::string endpoint::text() const {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  const auto* at = static_cast<const sockaddr*>(address());
  if (::getnameinfo(at, static_cast<socklen_t>(size_), host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "an address of another kind";
  }
  const bool six = at->sa_family == AF_INET6;
  return (six ? "[" : "") + std::string(host) + (six ? "]:" : ":") + port;
}

std::vector<endpoint> resolve(const std::string& host, const std::string& service,
                              const options& how) {
  const detail::limits until(how, "resolve");
  // Numbers are read on the spot.
  answer numbers = ask(host, service, AI_NUMERICHOST);
  if (numbers.result != EAI_NONAME) return unpack(std::move(numbers), host, service, until);

  const auto asked = std::make_shared<question>();
  asked->host = host;
  asked->service = service;
  auto thread =
      filch::detail::os_thread::start([asked] { asked->run(); }, {.name = "filch-resolve"});
  if (!thread.joinable()) {
    throw no_thread(
        "filch::io: the thread that asks the resolver could not be started; free some threads of "
        "this process or raise its limit (ulimit -u, pids.max)");
  }
  thread.detach();
  {
    const auto wake = [&asked] { asked->over.set(); };
    const detail::at_stop ring(how.stop, wake);
    const filch::detail::turn_pause paused;
    const filch::detail::blocked_worker stood_in_for(filch::detail::current.home,
                                                     filch::detail::blocked_worker::on::others);
    static_cast<void>(asked->over.wait_until(until.until()));
  }
  std::lock_guard guard(asked->lock);
  if (!asked->answered) {
    until.check();
    until.throw_timed_out();
  }
  if (asked->no_memory) throw std::bad_alloc();
  return unpack(std::move(asked->got), host, service, until);
}

}  // namespace io
}  // namespace v0
}  // namespace filch
