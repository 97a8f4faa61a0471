#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <filch/detail/export.hpp>
#include <filch/detail/queue_core.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

/// \file
/// A queue between threads: for farming out work and collecting results.
///
///     filch::queue<page> pages(100);                 // holds at most 100
///     auto reader = pool.submit([&] { for (auto& p : pages) index(p); });
///     for (auto& url : urls) pages.push(load(url));  // waits while it is full
///     pages.close();                                 // the reader's loop ends behind the last one

namespace filch {
inline namespace v0 {

/// Something was pushed into a queue after its `close()`.
class FILCH_API queue_closed : public error {
 public:
  using error::error;
  ~queue_closed() override;
};

/// First in, first out, for any number of producers and consumers.
///
/// Waiting: a worker that waits in a queue counts as blocked, and another thread takes its place
/// while there are jobs. Every call that may wait hears of a stop of the job it is made in, or of
/// the token it is given, and throws `cancelled` then; what it was to push is untouched, and no
/// element is lost. Those that wait are served in the order in which they came, except that who
/// comes at the right moment need not wait.
///
/// Deadlock: where all threads a pool may have (`pool_options::max_threads`) sleep in queues, or
/// for jobs that do, and neither can the threads outside that have made or used these queues go on,
/// for half a second, then all those waits throw `would_deadlock`. Threads that never used the
/// queue cannot be known; queues used by several pools are not judged.
///
/// Exceptions: if moving an element in or out throws, the caller gets that error; an element that
/// could not be moved out stays the first in the queue, as its move constructor has left it.
/// Cost: an allocation for each element; a mutex that is held for some instructions.
/// Threads: all members, from any thread; not the destructor while others still come.
/// Sees: who gets an element sees everything its producer did before.
template <class T>
class queue {
  static_assert(std::is_object_v<T> && !std::is_const_v<T> && std::is_move_constructible_v<T>,
                "filch: the elements of a queue must be objects that can be moved");

 public:
  using value_type = T;

  /// Without bound: `push` never waits.
  queue() : queue(detail::queue_core::unbounded) {}
  /// Holds at most `capacity` elements: `push` waits while it is full.
  /// Throws: `std::invalid_argument` for 0.
  explicit queue(std::size_t capacity) : core_(detail::make_ref<detail::queue_core>(capacity)) {}
  queue(const queue&) = delete;
  queue& operator=(const queue&) = delete;
  /// Closes the queue, waits until those that wait in it have left, and destroys what is left.
  ~queue() {
    for (auto* left = core_->end(); left;) {
      const node_ptr dead(static_cast<node*>(std::exchange(left, left->next)));
    }
  }

  /// Puts `value` in; waits while the queue is full.
  /// Blocks: until there is room, or it is closed, or a stop.
  /// Throws: `queue_closed`, `cancelled`, `would_deadlock`, `bad_alloc`, or what moving or copying
  /// a T throws; but for the last, `value` is untouched then.
  void push(T&& value) { static_cast<void>(put(std::move(value), {})); }
  /// The same with a copy.
  void push(const T& value)
    requires std::is_copy_constructible_v<T>
  {
    static_cast<void>(put(value, {}));
  }
  /// As `push(value)`; a request on `stop` ends the wait, too.
  void push(T&& value, const std::stop_token& stop) {
    static_cast<void>(put(std::move(value), {detail::queue_patience::time_point::max(), &stop}));
  }
  /// The same with a copy.
  void push(const T& value, const std::stop_token& stop)
    requires std::is_copy_constructible_v<T>
  {
    static_cast<void>(put(value, {detail::queue_patience::time_point::max(), &stop}));
  }
  /// Puts `value` in if there is room now; says whether. `value` is untouched if not.
  /// Throws: `queue_closed`, `bad_alloc`, or what moving T throws.
  bool try_push(T&& value) { return put(std::move(value), detail::queue_patience::none()); }
  /// The same with a copy.
  bool try_push(const T& value)
    requires std::is_copy_constructible_v<T>
  {
    return put(value, detail::queue_patience::none());
  }
  /// As `try_push`, but waits for room that long. Throws: as `push`.
  template <class Rep, class Period>
  bool push_for(T&& value, std::chrono::duration<Rep, Period> limit) {
    return put(std::move(value), {detail::deadline_after(limit), nullptr});
  }
  /// The same with a copy.
  template <class Rep, class Period>
  bool push_for(const T& value, std::chrono::duration<Rep, Period> limit)
    requires std::is_copy_constructible_v<T>
  {
    return put(value, {detail::deadline_after(limit), nullptr});
  }

  /// Takes the oldest element; waits while the queue is empty. Empty once it is closed and nothing
  /// is left.
  /// Blocks: until there is an element, or it is closed, or a stop.
  /// Throws: `cancelled`, `would_deadlock`, or what moving T throws.
  std::optional<T> pop() { return get({}); }
  /// As `pop()`; a request on `stop` ends the wait, too.
  std::optional<T> pop(const std::stop_token& stop) {
    return get({detail::queue_patience::time_point::max(), &stop});
  }
  /// As `pop()`, but waits that long at most; empty also if nothing came.
  template <class Rep, class Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> limit) {
    return get({detail::deadline_after(limit), nullptr});
  }
  /// Takes the oldest element if there is one now.
  std::optional<T> try_pop() { return get(detail::queue_patience::none()); }

  /// Nothing goes in any more: who waits to push gets `queue_closed`; who pops gets what is left,
  /// then nothing. A second time does nothing.
  void close() noexcept { core_->close(); }
  /// True after `close()`, also while elements are left.
  bool closed() const noexcept { return core_->is_closed(); }
  /// How many elements wait in the queue; other threads may change that at once.
  std::size_t size() const noexcept { return core_->size(); }
  /// As `size() == 0`.
  bool empty() const noexcept { return size() == 0; }
  /// How many it holds at most; the largest number there is for one without bound.
  std::size_t capacity() const noexcept { return core_->capacity(); }

  /// Pops as it goes: `for (auto& x : q)` ends when the queue is closed and empty. Several threads
  /// may each loop; every element goes to one of them. Throws: as `pop`.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    /// \private For `begin()`.
    explicit iterator(queue& from) : from_(&from) { advance(); }
    /// Takes over the place, and the element that was popped.
    iterator(iterator&&) = default;
    /// The same; the element it had is destroyed.
    iterator& operator=(iterator&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
      from_ = other.from_;
      value_.reset();
      if (other.value_) value_.emplace(std::move(*other.value_));
      return *this;
    }
    /// The element, which the iterator owns: move it out to keep it.
    T& operator*() const noexcept { return *value_; }
    /// The same.
    T* operator->() const noexcept { return &*value_; }
    /// Destroys the element and waits for the next.
    iterator& operator++() {
      advance();
      return *this;
    }
    /// As `++it`.
    void operator++(int) { advance(); }
    /// True when the queue is closed and empty.
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
      return !i.value_.has_value();
    }

   private:
    void advance() {
      value_.reset();
      if (auto* taken = from_->take({})) {
        from_->move_out(*taken, [this](T&& x) { value_.emplace(std::move(x)); });
      }
    }
    queue* from_;
    mutable std::optional<T> value_;
  };
  /// Pops the first element.
  iterator begin() { return iterator(*this); }
  /// What an iterator is equal to when the queue is closed and empty.
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  struct node : detail::queue_node {
    template <class U>
    explicit node(U&& x) : value(std::forward<U>(x)) {}
    T value;
  };
  using memory = std::allocator<node>;
  struct discard {
    void operator()(node* dead) const noexcept {
      std::destroy_at(dead);
      memory().deallocate(dead, 1);
    }
  };
  using node_ptr = std::unique_ptr<node, discard>;
  static constexpr bool may_stay = !std::is_nothrow_move_constructible_v<T>;

  // Memory first, then the room in the queue, then the move: each may fail, and what is done
  // before is taken back.
  template <class U>
  bool put(U&& value, const detail::queue_patience& patience) {
    struct raw_node {
      node* at = memory().allocate(1);
      ~raw_node() {
        if (at) memory().deallocate(at, 1);
      }
    } fresh;
    const auto turn = core_->reserve(patience);
    if (turn == detail::queue_core::turn::closed) detail::throw_queue_closed();
    if (turn == detail::queue_core::turn::not_yet) return false;
    struct promise {
      detail::queue_core* core;
      ~promise() {
        if (core) core->give_back();
      }
    } reserved{core_.get()};
    node* const made = std::construct_at(fresh.at, std::forward<U>(value));
    fresh.at = nullptr;
    std::exchange(reserved.core, nullptr)->commit(*made);
    return true;
  }

  node* take(const detail::queue_patience& patience) {
    return static_cast<node*>(core_->take(patience, may_stay));
  }
  template <class Receive>
  void move_out(node& taken, const Receive& receive) {
    if constexpr (may_stay) {
      struct way_back {
        detail::queue_core* core;
        node& at;
        ~way_back() {
          if (core) core->put_back(at);
        }
      } back{core_.get(), taken};
      receive(std::move(taken.value));
      std::exchange(back.core, nullptr)->took();
    } else {
      receive(std::move(taken.value));
    }
    const node_ptr dead(&taken);
  }
  std::optional<T> get(const detail::queue_patience& patience) {
    std::optional<T> out;
    if (node* taken = take(patience)) {
      move_out(*taken, [&out](T&& x) { out.emplace(std::move(x)); });
    }
    return out;
  }

  detail::ref<detail::queue_core> core_;
};

}  // namespace v0
}  // namespace filch
