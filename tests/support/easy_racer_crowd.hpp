#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "latency_server_peer.hpp"

namespace filch::test {

/// Requests of one scenario that are open together, and the gate they wait at. A gate that was
/// opened stays so until the last of them has gone. Threads: the server's only.
class crowd {
 public:
  /// Counts `who` until it is answered, dropped, or gone; its place in the crowd, from 1.
  std::size_t enter(peer& who) {
    who.if_gone([this, &who] {
      if (on_gone) on_gone(who);
      remove(who);
    });
    return ++present_;
  }
  std::size_t present() const noexcept { return present_; }

  /// Runs `step` when the gate opens, at once if it is open, never if `who` is gone by then.
  void when_open(peer& who, std::function<void()> step) {
    if (open_) return step();
    waiting_[&who] = std::move(step);
  }
  void open() {
    open_ = true;
    // A step may end another's connection.
    while (!waiting_.empty()) waiting_.extract(waiting_.begin()).mapped()();
  }

  void answer(peer& who, int status, std::string_view body) {
    remove(who);
    who.answer(status, body);
  }
  /// Closes the connection; not here and now, as evhttp may still be reading the request.
  void drop(peer& who) {
    remove(who);
    who.if_gone({});
    who.after(std::chrono::milliseconds(0), [&who] { who.drop(); });
  }

  /// Runs when a client has left.
  std::function<void(peer&)> on_gone;

 private:
  void remove(peer& who) {
    waiting_.erase(&who);
    if (--present_ == 0) open_ = false;
  }

  std::size_t present_ = 0;
  bool open_ = false;
  std::map<peer*, std::function<void()>> waiting_;
};

}  // namespace filch::test
