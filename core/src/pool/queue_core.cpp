#include <filch/detail/queue_core.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <filch/detail/throwing.hpp>
#include <filch/queue.hpp>
#include <filch/this_job.hpp>

#include "pool/stall.hpp"

namespace filch {
inline namespace v0 {

queue_closed::~queue_closed() = default;

namespace detail {

// ---- the lines --------------------------------------------------------------------------------

void queue_line::add(queue_sleeper& s) noexcept {
  s.listed = true;
  s.next = nullptr;
  s.previous = last_;
  (last_ ? last_->next : first_) = &s;
  last_ = &s;
}

void queue_line::remove(queue_sleeper& s) noexcept {
  if (!s.listed) return;
  s.listed = false;
  (s.previous ? s.previous->next : first_) = s.next;
  (s.next ? s.next->previous : last_) = s.previous;
}

void queue_line::call_one() noexcept {
  queue_sleeper* const oldest = first_;
  if (!oldest) return;
  remove(*oldest);
  oldest->called.set();
}

void queue_line::call_all() noexcept {
  while (first_) call_one();
}

// ---- sleeping ---------------------------------------------------------------------------------

queue_core::queue_core(std::size_t capacity) : capacity_(capacity) {
  if (capacity == 0) {
    throw std::invalid_argument(
        "filch: a queue that holds nothing could never be pushed to; give it room for at least one "
        "element");
  }
  note_user();
}

queue_core::~queue_core() = default;

/// One sleep in a line, from the moment the caller has seen that it must wait until it has the lock
/// again. Whoever was called and leaves without looking hands the call on.
class queue_core::stay {
 public:
  stay(queue_core& q, std::unique_lock<std::mutex>& lock, queue_line& line) noexcept
      : q_(q), lock_(lock), line_(line) {
    line_.add(me);
    ++q_.asleep_;
    lock_.unlock();
  }
  stay(const stay&) = delete;
  stay& operator=(const stay&) = delete;
  ~stay() {
    if (!looks_again) {
      lock_.lock();
      if (!me.listed) line_.call_one();
    }
    line_.remove(me);
    if (--q_.asleep_ == 0 && q_.last_left_) q_.last_left_->set();
  }
  queue_sleeper me;
  bool looks_again = false;  // the lock is taken, and the caller looks

 private:
  queue_core& q_;
  std::unique_lock<std::mutex>& lock_;
  queue_line& line_;
};

namespace {

bool stopped(const queue_patience& patience) noexcept {
  return this_job::stop_requested() || (patience.stop && patience.stop->stop_requested());
}

}  // namespace

template <class Look>
queue_core::turn queue_core::wait(std::unique_lock<std::mutex>& lock, queue_line& line,
                                  const queue_patience& patience, Look look) {
  note_user();
  for (;;) {
    const turn now = look();
    if (now != turn::not_yet || !patience.waits()) return now;
    if (std::chrono::steady_clock::now() >= patience.until) return now;
    stay here(*this, lock, line);
    sleep(here.me, patience);
    if (stopped(patience)) throw_cancelled();
    lock.lock();
    here.looks_again = true;
  }
}

void queue_core::sleep(queue_sleeper& me, const queue_patience& patience) {
  const auto call = [&me] { me.called.set(); };
  // A stop that was requested before calls right here.
  const std::stop_callback on_job(this_job::stop_token(), call);
  const std::stop_callback on_token(patience.stop ? *patience.stop : std::stop_token(), call);
  sleep_in_queue(*this, me.called, patience.until);
}

// ---- in and out -------------------------------------------------------------------------------

queue_core::turn queue_core::reserve(const queue_patience& patience) {
  if (patience.waits() && stopped(patience)) throw_cancelled();
  std::unique_lock lock(lock_);
  const turn got = wait(lock, producers_, patience, [this] {
    if (closed_) return turn::closed;
    return size_ + reserved_ + leaving_ < capacity_ ? turn::granted : turn::not_yet;
  });
  if (got == turn::granted) ++reserved_;
  return got;
}

void queue_core::commit(queue_node& node) noexcept {
  std::lock_guard lock(lock_);
  node.next = nullptr;
  (last_ ? last_->next : first_) = &node;
  last_ = &node;
  --reserved_;
  ++size_;
  consumers_.call_one();
}

void queue_core::give_back() noexcept {
  std::lock_guard lock(lock_);
  --reserved_;
  producers_.call_one();
  closed_and_empty();
}

// An element that is promised may still come after close(): consumers wait for it.
void queue_core::closed_and_empty() noexcept {
  if (closed_ && size_ == 0 && reserved_ == 0) consumers_.call_all();
}

queue_node* queue_core::take(const queue_patience& patience, bool keeps_room) {
  if (patience.waits() && stopped(patience)) throw_cancelled();
  std::unique_lock lock(lock_);
  const turn got = wait(lock, consumers_, patience, [this] {
    if (size_ != 0) return turn::granted;
    return closed_ && reserved_ == 0 ? turn::closed : turn::not_yet;
  });
  if (got != turn::granted) return nullptr;
  queue_node* const node = first_;
  first_ = node->next;
  if (!first_) last_ = nullptr;
  --size_;
  closed_and_empty();
  if (keeps_room) {
    ++leaving_;
  } else {
    producers_.call_one();
  }
  return node;
}

void queue_core::took() noexcept {
  std::lock_guard lock(lock_);
  --leaving_;
  producers_.call_one();
}

void queue_core::put_back(queue_node& node) noexcept {
  std::lock_guard lock(lock_);
  node.next = first_;
  first_ = &node;
  if (!last_) last_ = &node;
  --leaving_;
  ++size_;
  consumers_.call_one();
}

// ---- the end ----------------------------------------------------------------------------------

void queue_core::close() noexcept {
  std::lock_guard lock(lock_);
  if (closed_) return;
  closed_ = true;
  producers_.call_all();
  closed_and_empty();
}

queue_node* queue_core::end() noexcept {
  close();
  std::unique_lock lock(lock_);
  consumers_.call_all();
  while (asleep_ != 0) {
    latch all_left;
    last_left_ = &all_left;
    lock.unlock();
    all_left.wait();
    lock.lock();
    last_left_ = nullptr;
  }
  last_ = nullptr;
  size_ = 0;
  return std::exchange(first_, nullptr);
}

bool queue_core::is_closed() const noexcept {
  std::lock_guard lock(lock_);
  return closed_;
}

std::size_t queue_core::size() const noexcept {
  std::lock_guard lock(lock_);
  return size_;
}

// ---- who uses it ------------------------------------------------------------------------------

void queue_core::note_user() {
  if (const pool_core* pool = counted_in()) {
    if (!pool_) pool_ = pool;
    if (pool_ != pool) unknown_users_ = true;
    return;
  }
  if (last_outsider_ && last_outsider_ == outsider::known()) return;
  auto me = outsider::of_this_thread();
  if (!me) {
    unknown_users_ = true;
    return;
  }
  const auto known = std::find(outsiders_.begin(), outsiders_.end(), me);
  if (known == outsiders_.end()) {
    std::erase_if(outsiders_, [](const std::shared_ptr<outsider>& other) {
      std::lock_guard its(other->lock);
      return other->ended;
    });
    outsiders_.push_back(me);
  }
  last_outsider_ = me.get();
}

bool queue_core::only_for(const pool_core& pool, std::vector<const queue_core*>& seen) const {
  if (std::find(seen.begin(), seen.end(), this) != seen.end()) return true;
  seen.push_back(this);
  std::vector<std::shared_ptr<outsider>> outsiders;
  {
    std::lock_guard lock(lock_);
    if (unknown_users_ || (pool_ && pool_ != &pool)) return false;
    outsiders = outsiders_;
  }
  for (const auto& other : outsiders) {
    ref<queue_core> waits_in;
    {
      std::lock_guard its(other->lock);
      if (other->ended || other->waits_for == &pool) continue;
      waits_in = other->waits_in;
    }
    if (!waits_in || !waits_in->only_for(pool, seen)) return false;
  }
  return true;
}

void throw_queue_closed() {
  throw queue_closed(
      "filch: this queue is closed and takes nothing more; close it when the last producer is "
      "done, or stop producing when it is closed");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
