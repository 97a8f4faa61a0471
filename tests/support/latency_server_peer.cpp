#include "latency_server_peer.hpp"

#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

namespace filch::test {

namespace {

timeval to_timeval(std::chrono::microseconds delay) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
  timeval result{};
  result.tv_sec = static_cast<time_t>(seconds.count());
  result.tv_usec = static_cast<suseconds_t>((delay - seconds).count());
  return result;
}

evutil_socket_t socket_of(evhttp_connection* connection) {
  return bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
}

buffer_ptr to_buffer(std::string_view text) {
  buffer_ptr buffer(evbuffer_new());
  if (!buffer || evbuffer_add(buffer.get(), text.data(), text.size()) != 0) throw std::bad_alloc();
  return buffer;
}

}  // namespace

peer::peer(peer_table& table, event_base* base, evhttp_connection* connection)
    : table_(table), connection_(connection) {
  const evutil_socket_t socket = socket_of(connection);
  timer_.reset(event_new(
      base, -1, 0,
      [](evutil_socket_t, short, void* self) {
        // The step may destroy the peer, so it must not be a part of it.
        auto step = std::exchange(static_cast<peer*>(self)->step_, nullptr);
        step();
      },
      this));
  watch_.reset(event_new(
      base, socket, EV_READ | EV_PERSIST,
      [](evutil_socket_t, short, void* self) { static_cast<peer*>(self)->on_readable(); }, this));
  if (!timer_ || !watch_) throw std::bad_alloc();
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

peer::~peer() = default;

void peer::begin(evhttp_request* request) {
  request_ = request;
  gone_ = nullptr;
  table_.counters().request_arrived();
  watch();
}

// evhttp reads nothing while it owes an answer, so it would learn that the client has left only
// by a failed write. The socket itself tells at once.
void peer::watch() { event_add(watch_.get(), nullptr); }

void peer::on_readable() {
  char byte;
  const auto seen = ::recv(socket_of(connection_), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen > 0) {
    // The next request, sent early; evhttp reads it after this answer.
    event_del(watch_.get());
  } else if (seen == 0 || (errno != EAGAIN && errno != EINTR)) {
    evhttp_connection_free(connection_);
  }
}

void peer::after(std::chrono::milliseconds delay, std::function<void()> step) {
  step_ = std::move(step);
  const timeval due = to_timeval(delay);
  event_add(timer_.get(), &due);
}

void peer::set_header(const char* name, const std::string& value) {
  evhttp_add_header(evhttp_request_get_output_headers(request_), name, value.c_str());
}

void peer::expect_completion() {
  event_del(watch_.get());
  evhttp_request_set_on_complete_cb(
      request_,
      [](evhttp_request*, void* self) {
        auto& client = *static_cast<peer*>(self);
        client.request_ = nullptr;
        client.table_.counters().answer_sent();
      },
      this);
}

void peer::answer(int status, std::string_view body) {
  const auto buffer = to_buffer(body);
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  set_header("X-Sent-At", std::to_string(now.count()));
  expect_completion();
  // An empty reason lets evhttp take the standard one.
  evhttp_send_reply(request_, status, nullptr, buffer.get());
}

void peer::drip(std::chrono::milliseconds spread, std::size_t bytes) {
  drip_ = {std::chrono::steady_clock::now(), spread, bytes, 0};
  evhttp_send_reply_start(request_, HTTP_OK, nullptr);
  send_due_part();
}

// What is due by the clock goes out in one chunk, at most one chunk a millisecond.
void peer::send_due_part() {
  using namespace std::chrono;
  const auto elapsed = steady_clock::now() - drip_.start;
  const bool at_once = drip_.spread.count() == 0 || drip_.bytes == 0;
  const double share = at_once ? 1.0 : duration<double>(elapsed) / duration<double>(drip_.spread);
  const auto due = share >= 1.0
                       ? drip_.bytes
                       : static_cast<std::size_t>(share * static_cast<double>(drip_.bytes));
  if (due > drip_.sent) {
    const auto part = to_buffer(std::string(due - drip_.sent, 'd'));
    drip_.sent = due;
    evhttp_send_reply_chunk(request_, part.get());
  }
  if (share >= 1.0) {
    expect_completion();
    evhttp_send_reply_end(request_);
    return;
  }
  // In double: a count of bytes times a duration would be unsigned, and the wait never negative.
  const auto next = duration<double>(drip_.spread) *
                    (static_cast<double>(drip_.sent + 1) / static_cast<double>(drip_.bytes));
  const auto wait = ceil<milliseconds>(next - (steady_clock::now() - drip_.start));
  after(std::max(wait, milliseconds(1)), [this] { send_due_part(); });
}

void peer::drop() {
  request_ = nullptr;
  table_.counters().request_dropped();
  evhttp_connection_free(connection_);
}

void peer::reset() {
  // Closing with SO_LINGER 0 would come too late: evhttp shuts the socket down first, and the
  // client would see an orderly end. Dissolving the association sends the reset right now.
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  ::connect(socket_of(connection_), &nobody, sizeof nobody);
  drop();
}

bool peer::leave() noexcept {
  // After a failed write evhttp has let go of the request, and expects us to free it.
  if (request_ && !evhttp_request_get_connection(request_)) evhttp_request_free(request_);
  if (request_ && gone_) gone_();
  return request_ != nullptr;
}

peer& peer_table::of(evhttp_request* request) {
  evhttp_connection* connection = evhttp_request_get_connection(request);
  auto& entry = peers_[connection];
  if (!entry) {
    entry = std::make_unique<peer>(*this, base_, connection);
    evhttp_connection_set_closecb(connection, closed, this);
    counters_.connection_opened();
  }
  return *entry;
}

void peer_table::closed(evhttp_connection* connection, void* table) noexcept {
  auto& self = *static_cast<peer_table*>(table);
  const auto entry = self.peers_.find(connection);
  const bool unanswered = entry->second->leave();
  self.peers_.erase(entry);
  self.counters_.connection_closed(unanswered && !self.shutting_down_);
}

}  // namespace filch::test
