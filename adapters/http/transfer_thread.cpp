#include "transfer_thread.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filch/error.hpp>
#include <filch/promise.hpp>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace filch {
inline namespace v0 {
namespace http::detail {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds idle_time{5};
transfer_thread* the_instance = nullptr;

/// Starts a thread that no signal lands on but those a fault of its own raises, and the
/// profiler's. SIGPIPE stays out, too: OpenSSL writes without MSG_NOSIGNAL.
int start_quietly(pthread_t& thread, void* (*body)(void*), void* argument) {
  sigset_t blocked;
  sigset_t before;
  ::sigfillset(&blocked);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) {
    ::sigdelset(&blocked, fault);
  }
  ::pthread_sigmask(SIG_SETMASK, &blocked, &before);
  const int error = ::pthread_create(&thread, nullptr, body, argument);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) ::pthread_setname_np(thread, "filch-http");
  return error;
}

}  // namespace

transfer_thread& transfer_thread::instance() {
  static transfer_thread* const only = new transfer_thread;
  return *only;
}

transfer_thread::transfer_thread() : process_(::getpid()) {
  if (const CURLcode result = curl_global_init(CURL_GLOBAL_ALL); result != CURLE_OK) {
    throw request_failed(
        failure::other, "",
        std::string("filch::http: libcurl could not be started: ") + curl_easy_strerror(result));
  }
  the_instance = this;
  // After curl_global_init and therefore, at exit, before OpenSSL's own handler takes away what
  // a running transfer still uses.
  std::atexit([] { drain_at_exit(); });
}

void transfer_thread::drain_at_exit() noexcept {
  transfer_thread& self = *the_instance;
  if (::getpid() != self.process_) return;
  std::unique_lock lock(self.mutex_);
  self.inbox_.draining = true;
  if (self.state_ == state::none) return;
  if (self.state_ == state::running) self.wake();
  lock.unlock();
  ::pthread_join(self.thread_, nullptr);
}

void transfer_thread::submit(transfer& t) {
  // Before the mutex, which a thread that is not in this process may hold.
  if (::getpid() != process_) {
    throw forked_pool(
        "filch::http: this process was made by fork() and its parent had used filch::http; ask in "
        "the parent, or call exec in the child first");
  }
  std::lock_guard lock(mutex_);
  if (inbox_.draining) throw cancelled("filch::http: the process is exiting; ask before that");
  if (state_ != state::running) start();
  t.queue.next_start = std::exchange(inbox_.starts, &t);
  wake();
}

void transfer_thread::start() {
  if (state_ == state::ended) {
    // It has said its last word under the mutex, so this is not long.
    ::pthread_join(thread_, nullptr);
    state_ = state::none;
  }
  multi_ = std::make_unique<driven_multi>();
  woken_ = false;
  idle_until_ = steady_clock::now() + idle_time;
  if (const int error = start_quietly(thread_, &transfer_thread::enter, this); error != 0) {
    multi_.reset();
    throw no_thread(std::string("filch::http: the system gives no thread to run transfers on (") +
                    std::generic_category().message(error) +
                    "); end some threads, or raise `ulimit -u` or the container's pids limit");
  }
  state_ = state::running;
}

void transfer_thread::request_stop(transfer& t) noexcept {
  if (::getpid() != process_) return;  // as in submit
  std::lock_guard lock(mutex_);
  if (t.queue.done || t.queue.stop_wanted) return;
  t.queue.stop_wanted = true;
  t.queue.next_stop = std::exchange(inbox_.stops, &t);
  wake();
}

void transfer_thread::wake() noexcept {
  if (std::exchange(woken_, true)) return;
  multi_->wake();
}

void* transfer_thread::enter(void* self) noexcept {
  static_cast<transfer_thread*>(self)->run();
  return nullptr;
}

void transfer_thread::run() noexcept {
  const promise_keeper here;
  for (;;) {
    const mail letters = take_mail();
    open(letters);
    if (letters.draining) cancel_all();
    if (!active_ && end_if_idle()) return;
    const CURLMcode driven = multi_->drive(patience());
    hand_back_ended();
    if (driven != CURLM_OK) fail_all(driven);
  }
}

transfer_thread::mail transfer_thread::take_mail() noexcept {
  std::lock_guard lock(mutex_);
  woken_ = false;
  return {std::exchange(inbox_.starts, nullptr), std::exchange(inbox_.stops, nullptr),
          inbox_.draining};
}

// Stops come first: a transfer of this round that is also to be stopped is then known as such
// before it starts, and none is looked at after it was handed back.
void transfer_thread::open(const mail& letters) noexcept {
  for (transfer* t = letters.stops; t;) {
    transfer* next = t->queue.next_stop;
    if (t->queue.active) {
      finish_cancelled(*t);
    } else {
      t->queue.stopped_early = true;
    }
    t = next;
  }
  for (transfer* t = letters.starts; t;) {
    transfer* next = t->queue.next_start;
    begin(*t);
    t = next;
  }
}

void transfer_thread::begin(transfer& t) noexcept {
  t.queue.active = true;
  t.queue.next_active = active_;
  if (active_) active_->queue.previous_active = &t;
  active_ = &t;
  if (t.queue.stopped_early) return finish_cancelled(t);
  if (const CURLMcode result = curl_multi_add_handle(multi_->get(), t.easy()); result != CURLM_OK) {
    finish(t, result == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT);
  }
}

void transfer_thread::hand_back_ended() noexcept {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_->get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    char* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    finish(*reinterpret_cast<transfer*>(owner), result);
  }
}

void transfer_thread::finish(transfer& t, CURLcode result) noexcept {
  release(t);
  t.end(result);
}

void transfer_thread::finish_cancelled(transfer& t) noexcept {
  release(t);
  t.end_cancelled();
}

// Taking an unfinished transfer off the multi handle closes its connection. After this no stop
// request can name the transfer any more.
void transfer_thread::release(transfer& t) noexcept {
  curl_multi_remove_handle(multi_->get(), t.easy());
  (t.queue.previous_active ? t.queue.previous_active->queue.next_active : active_) =
      t.queue.next_active;
  if (t.queue.next_active) t.queue.next_active->queue.previous_active = t.queue.previous_active;
  if (!active_) idle_until_ = steady_clock::now() + idle_time;

  std::lock_guard lock(mutex_);
  t.queue.done = true;
  if (!t.queue.stop_wanted) return;
  for (transfer** link = &inbox_.stops; *link; link = &(*link)->queue.next_stop) {
    if (*link == &t) {
      *link = t.queue.next_stop;
      break;
    }
  }
}

void transfer_thread::cancel_all() noexcept {
  while (active_) finish_cancelled(*active_);
}

/// The multi handle is of no more use: nobody may go on waiting for it. The thread ends when its
/// inbox is empty, and the next call starts over.
void transfer_thread::fail_all(CURLMcode why) noexcept {
  const CURLcode result = why == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
  while (active_) finish(*active_, result);
  idle_until_ = steady_clock::now();
}

/// How long to sleep if nothing happens: libcurl knows its own deadlines, so for ever while
/// something is under way, and else until the thread is no longer worth keeping.
std::chrono::milliseconds transfer_thread::patience() const noexcept {
  if (active_) return std::chrono::milliseconds::max();
  return std::chrono::ceil<std::chrono::milliseconds>(idle_until_ - steady_clock::now());
}

/// Ends the thread's duty if nobody wants anything; it must return at once if this is true.
bool transfer_thread::end_if_idle() noexcept {
  std::unique_ptr<driven_multi> last;  // before the lock, to close connections after it is released
  std::lock_guard lock(mutex_);
  if (inbox_.starts) return false;
  if (!inbox_.draining && steady_clock::now() < idle_until_) return false;
  state_ = state::ended;
  last = std::move(multi_);
  return true;
}

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
